//! Bodies of answers: whole, slow or endless.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::container::BodyShape;
use super::wire::Reply;

/// A chunk of an endless body.
static FILLER: [u8; 16 * 1024] = [b' '; 16 * 1024];

/// The body of an answer, in the shape that its container gives it.
#[derive(Debug)]
pub(crate) struct ReplyBody {
    left: Bytes,
    wait: Option<Pin<Box<Sleep>>>,
    endless: bool,
}

impl From<&Reply> for ReplyBody {
    fn from(reply: &Reply) -> Self {
        let wait = match reply.shape {
            BodyShape::Slow(after) => Some(Box::pin(sleep(after))),
            BodyShape::Whole | BodyShape::Endless => None,
        };
        Self { left: reply.body.clone(), wait, endless: reply.shape == BodyShape::Endless }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(wait) = &mut self.wait {
            ready!(wait.as_mut().poll(context));
            self.wait = None;
        }
        let chunk =
            if self.endless { Bytes::from_static(&FILLER) } else { std::mem::take(&mut self.left) };
        Poll::Ready((!chunk.is_empty()).then(|| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        !self.endless && self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        if self.endless {
            SizeHint::default()
        } else {
            SizeHint::with_exact(self.left.len() as u64)
        }
    }
}
