//! The record of what was asked and answered.

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::value::RawValue;

use super::faults::FaultKind;

/// How many calls are kept, and how many bytes of bodies: a long run must not eat the machine.
const KEPT: usize = 50_000;
/// See [`KEPT`].
const KEPT_BYTES: usize = 128 * 1024 * 1024;

/// A call to Ashby's API, as `GET /_sim/calls` tells it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Call {
    /// Its number since the last reset, from 0. Clearing the record does not start it again.
    pub index: u64,
    pub at: String,
    /// The endpoint by its present name, also where it was called by an old one.
    pub endpoint: String,
    /// The name of the person, or the title of the job, whom the request named.
    pub about: Option<String>,
    /// The title of the key, where there was a good one.
    pub key: Option<String>,
    /// The body, or null where it was no JSON.
    pub request: Box<RawValue>,
    pub status: u16,
    /// What was answered, or would have been but for a fault that took its body.
    pub response: Box<RawValue>,
    pub request_id: String,
    /// Whether it changed anything.
    pub write: bool,
    pub fault: Option<FaultKind>,
}

impl Call {
    fn bytes(&self) -> usize {
        self.request.get().len() + self.response.get().len()
    }
}

/// The last calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallLog {
    calls: VecDeque<Call>,
    bytes: usize,
    next: u64,
}

impl CallLog {
    /// Records a call and gives it its number.
    pub(crate) fn record(&mut self, mut call: Call) {
        call.index = self.next;
        self.next += 1;
        self.bytes += call.bytes();
        self.calls.push_back(call);
        while self.calls.len() > KEPT || self.bytes > KEPT_BYTES {
            let Some(oldest) = self.calls.pop_front() else {
                return;
            };
            self.bytes -= oldest.bytes();
        }
    }

    /// The calls from number `since` on.
    pub(crate) fn since(&self, since: u64) -> Vec<&Call> {
        self.calls
            .iter()
            .filter(|call| call.index >= since)
            .collect()
    }

    /// The number that the next call will get.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Forgets the calls so far.
    pub(crate) fn clear(&mut self) {
        self.calls.clear();
        self.bytes = 0;
    }
}
