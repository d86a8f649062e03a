//! Holds one thing that is on its way, at the moment before it has its effect or the moment after.

use std::sync::Mutex;

use tokio::sync::oneshot;

use crate::patience::soon;

/// When something is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before it has an effect.
    Before,
    /// After its effect, before the answer.
    After,
}

#[derive(Debug)]
struct Hold {
    what: &'static str,
    moment: Moment,
    arrived: oneshot::Sender<()>,
    release: oneshot::Receiver<()>,
}

/// What is to be held.
#[derive(Debug, Default)]
pub(crate) struct Holds(Mutex<Option<Hold>>);

/// Something that is held, or will be.
pub(crate) struct Held {
    arrived: oneshot::Receiver<()>,
    release: oneshot::Sender<()>,
}

impl Holds {
    /// Holds the next `what` at `moment`: an endpoint of Ashby's, or [`INTENT`](super::postgres_proxy::INTENT).
    pub(crate) fn hold(&self, what: &'static str, moment: Moment) -> Held {
        let (arrived, has_arrived) = oneshot::channel();
        let (release, released) = oneshot::channel();
        *self.0.lock().unwrap() = Some(Hold {
            what,
            moment,
            arrived,
            release: released,
        });
        Held {
            arrived: has_arrived,
            release,
        }
    }

    /// Waits if this is what is to be held.
    pub(crate) async fn pass(&self, what: &str, moment: Moment) {
        let hold = self
            .0
            .lock()
            .unwrap()
            .take_if(|hold| hold.what == what && hold.moment == moment);
        if let Some(hold) = hold {
            // The test may have given up.
            let _ = hold.arrived.send(());
            let _ = hold.release.await;
        }
    }
}

impl Held {
    /// Waits until it is there.
    pub(crate) async fn arrived(&mut self) {
        soon("what is to be held", &mut self.arrived).await.unwrap();
    }

    /// Lets it go on.
    pub(crate) fn release(self) {
        // Whoever waits for it may have hung up.
        let _ = self.release.send(());
    }
}
