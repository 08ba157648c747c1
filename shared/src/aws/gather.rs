use super::pace::Pace;
use std::future::Future;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

/// How many turns of the event loop a question waits for others to share its call. The sessions of a
/// batch run in step: what wakes one wakes all of them, so that their questions come within a turn
/// or two. No time passes; a single session waits for nothing.
const TURNS: usize = 8;

/// The most questions that share one call: `DescribeTasks` takes 100 tasks.
const QUESTIONS_A_CALL: usize = 100;

/// A question on its way to a shared call.
#[derive(Debug)]
pub struct Asked<Q, A> {
    /// What is asked.
    pub question: Q,
    /// Where the answer goes. One who no longer waits is no error.
    pub answer: oneshot::Sender<A>,
}

/// Lets sessions that know nothing of each other share AWS calls: questions asked at nearly the same
/// time are answered together, by one call of the function given to [`Gather::new`].
///
/// Each session's cleanup stays a plain sequence of steps; that a batch of 100 costs one `DescribeTasks`
/// is decided here and nowhere else. The shared calls run in tasks of their own, so a session that
/// gives up or panics takes no other's answer with it.
#[derive(Debug)]
pub struct Gather<Q, A> {
    questions: mpsc::UnboundedSender<Asked<Q, A>>,
    worker: Worker,
}

impl<Q: Send + 'static, A: Send + 'static> Gather<Q, A> {
    /// Answers questions by `call`, which gets 1 to 100 of them at once.
    pub fn new<C, F>(call: C) -> Self
    where
        C: Fn(Vec<Asked<Q, A>>) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        Self::in_turn(&Pace::as_aws_allows(), call)
    }

    /// The same, where each call is a read of ECS and waits for its turn: it takes along all who ask
    /// until then.
    pub fn in_turn<C, F>(pace: &Pace, call: C) -> Self
    where
        C: Fn(Vec<Asked<Q, A>>) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let (questions, inbox) = mpsc::unbounded_channel();
        let worker = Worker(tokio::spawn(work(inbox, pace.clone(), call)));
        Self { questions, worker }
    }

    /// Asks, and waits for the answer; `None` when the shared call ended without one.
    pub async fn ask(&self, question: Q) -> Option<A> {
        let (answer, answered) = oneshot::channel();
        self.questions.send(Asked { question, answer }).ok()?;
        answered.await.ok()
    }

    /// Takes no more questions, and waits for the calls that are still under way.
    pub async fn close(self) {
        let Self { questions, worker } = self;
        drop(questions);
        // The worker ends by itself; a panic in a call has already been seen by those who asked.
        let _ended = worker.finished().await;
    }
}

/// A task that ends with its owner: an invocation that is dropped leaves nothing running.
#[derive(Debug)]
struct Worker(JoinHandle<()>);

impl Worker {
    async fn finished(mut self) -> bool {
        (&mut self.0).await.is_ok()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn work<Q, A, C, F>(mut inbox: mpsc::UnboundedReceiver<Asked<Q, A>>, pace: Pace, call: C)
where
    C: Fn(Vec<Asked<Q, A>>) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let mut calls = JoinSet::new();
    while let Some(first) = inbox.recv().await {
        let mut asked = vec![first];
        pace.read().await;
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
        while asked.len() < QUESTIONS_A_CALL
            && let Ok(next) = inbox.try_recv()
        {
            asked.push(next);
        }
        calls.spawn(call(asked));
        while calls.try_join_next().is_some() {}
    }
    while calls.join_next().await.is_some() {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn doubling(calls: &Arc<AtomicUsize>) -> Gather<usize, usize> {
        let calls = Arc::clone(calls);
        Gather::new(move |asked: Vec<Asked<usize, usize>>| {
            calls.fetch_add(1, Ordering::Relaxed);
            async move {
                for one in asked {
                    assert_ne!(one.question, 13, "a call that fails badly");
                    let _ = one.answer.send(one.question * 2);
                }
            }
        })
    }

    #[tokio::test(start_paused = true)]
    async fn questions_asked_together_share_one_call() {
        let calls = Arc::default();
        let gather = doubling(&calls);
        let (one, two) = tokio::join!(gather.ask(1), gather.ask(2));
        assert_eq!((one, two), (Some(2), Some(4)));
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_a_hundred_questions_take_two_calls() {
        let calls = Arc::default();
        let gather = doubling(&calls);
        let all = (100..250).map(|n| gather.ask(n));
        assert!(futures_util::future::join_all(all).await.iter().all(Option::is_some));
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_panics_leaves_later_questions_unharmed() {
        let gather = doubling(&Arc::default());
        assert_eq!(gather.ask(13).await, None);
        assert_eq!(gather.ask(4).await, Some(8));
    }
}
