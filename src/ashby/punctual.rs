//! The body of a write that is sent in time or not at all.
//!
//! Between the leave to write and the sending lie a connection to be made and whatever the machine does with the process
//! meanwhile: it may stand still for minutes. So the body looks at the clock once more when the connection asks for it,
//! with the socket ready to take it. A request whose body does not come is none: Ashby cannot act on it.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http_body::{Frame, SizeHint};
use reqwest::Body;

use crate::clock::SharedClock;

/// Came too late to be sent.
#[derive(Debug, thiserror::Error)]
#[error("the time to send it was over")]
struct TooLate;

/// Tells whether a body was held back because its time was over.
#[derive(Clone, Debug, Default)]
pub(super) struct Unsent(Arc<AtomicBool>);

impl Unsent {
    /// Whether it was: then the request surely had no effect.
    pub(super) fn was_too_late(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

struct Punctual {
    content: Option<Bytes>,
    send_by: DateTime<Utc>,
    clock: SharedClock,
    unsent: Unsent,
}

/// A body of `content` that does not go out after `send_by`, and what tells if it did not.
pub(super) fn body(content: Vec<u8>, send_by: DateTime<Utc>, clock: SharedClock) -> (Body, Unsent) {
    let unsent = Unsent::default();
    let body = Punctual {
        content: Some(content.into()),
        send_by,
        clock,
        unsent: unsent.clone(),
    };
    (Body::wrap(body), unsent)
}

impl http_body::Body for Punctual {
    type Data = Bytes;
    type Error = TooLate;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TooLate>>> {
        let Some(content) = self.content.take() else {
            return Poll::Ready(None);
        };
        if self.clock.now() > self.send_by {
            self.unsent.0.store(true, Ordering::Relaxed);
            return Poll::Ready(Some(Err(TooLate)));
        }
        Poll::Ready(Some(Ok(Frame::data(content))))
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_none()
    }

    /// Known, so that the request says its length and an empty body is not taken for all of it.
    fn size_hint(&self) -> SizeHint {
        let length = self.content.as_ref().map_or(0, Bytes::len);
        SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
    }
}
