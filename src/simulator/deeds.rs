//! Deeds on order: what somebody else in Ashby does right before or right after a call, where no test could act in time.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A call to the control plane, to be made around a call of the API; what `POST /_sim/meanwhile` takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deed {
    /// The endpoint around whose next call it is done, such as `application.changeStage`.
    pub endpoint: String,
    /// Before the call takes effect, or after it has and before it is answered.
    pub when: When,
    /// How many calls of the endpoint go by first.
    #[serde(default)]
    pub skip: u32,
    /// `POST`, `PATCH` or `DELETE`.
    #[serde(default = "post")]
    pub method: String,
    /// The path under `/_sim`, with its slash.
    pub path: String,
    /// What is sent there.
    #[serde(default)]
    pub body: Value,
    /// What was answered, once it was done.
    #[serde(default)]
    pub status: Option<u16>,
}

fn post() -> String {
    "POST".to_owned()
}

/// On which side of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum When {
    Before,
    After,
}

/// The deeds in waiting, and those that were done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deeds {
    waiting: Vec<Deed>,
    done: Vec<Deed>,
}

/// The deeds around one call.
#[derive(Debug, Default)]
pub(crate) struct Around {
    pub before: Vec<Deed>,
    pub after: Vec<Deed>,
}

impl Deeds {
    /// Puts a deed in waiting.
    pub(crate) fn order(&mut self, deed: Deed) {
        self.waiting.push(deed);
    }

    /// Those in waiting, then those that were done with what came of them.
    pub(crate) fn all(&self) -> Vec<&Deed> {
        self.waiting.iter().chain(&self.done).collect()
    }

    /// The deeds that are to be done around this call; they wait no longer.
    pub(crate) fn strike(&mut self, endpoint: &str) -> Around {
        let mut around = Around::default();
        let waiting = std::mem::take(&mut self.waiting);
        for mut deed in waiting {
            if deed.endpoint != endpoint {
                self.waiting.push(deed);
            } else if deed.skip > 0 {
                deed.skip -= 1;
                self.waiting.push(deed);
            } else if deed.when == When::Before {
                around.before.push(deed);
            } else {
                around.after.push(deed);
            }
        }
        around
    }

    /// Keeps what came of a deed.
    pub(crate) fn done(&mut self, deed: &Deed, status: u16) {
        self.done.push(Deed {
            status: Some(status),
            ..deed.clone()
        });
    }
}
