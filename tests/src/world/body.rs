//! Bodies of answers: whole, slow, endless or broken off.

use std::io;
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
    shape: BodyShape,
}

impl From<&Reply> for ReplyBody {
    fn from(reply: &Reply) -> Self {
        let wait = match reply.shape {
            BodyShape::Slow(after) => Some(Box::pin(sleep(after))),
            BodyShape::Whole | BodyShape::Endless | BodyShape::BreaksOff => None,
        };
        Self { left: reply.body.clone(), wait, shape: reply.shape }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(wait) = &mut self.wait {
            ready!(wait.as_mut().poll(context));
            self.wait = None;
        }
        let left = std::mem::take(&mut self.left);
        Poll::Ready(match (self.shape, left.is_empty()) {
            (BodyShape::Endless, _) => Some(Ok(Frame::data(Bytes::from_static(&FILLER)))),
            (BodyShape::BreaksOff, true) => Some(Err(io::ErrorKind::ConnectionReset.into())),
            (BodyShape::Whole | BodyShape::Slow(_), true) => None,
            (BodyShape::Whole | BodyShape::Slow(_) | BodyShape::BreaksOff, false) => {
                Some(Ok(Frame::data(left)))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        match self.shape {
            BodyShape::Whole | BodyShape::Slow(_) => self.left.is_empty(),
            BodyShape::Endless | BodyShape::BreaksOff => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self.shape {
            BodyShape::Whole | BodyShape::Slow(_) => SizeHint::with_exact(self.left.len() as u64),
            BodyShape::Endless | BodyShape::BreaksOff => SizeHint::default(),
        }
    }
}
