//! Webhooks: who subscribed to what, and what waits to be sent. Nothing leaves by itself: the control plane says what is
//! delivered, when, in which order and how often, so that a test is the same every time.
//!
//! One event may go out under several types (a hire is a change of stage and an update too) and to several addresses; all
//! of these carry the same `webhookActionId`. The signature is over the exact bytes, and sent only where there is a secret.

use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

use super::{
    wire,
    world::{StageKind, World},
};

/// After so many attempts Ashby gives up.
const MAX_ATTEMPTS: u32 = 10;

/// Answers after which Ashby never tries again.
const FINAL: [u16; 5] = [401, 403, 404, 405, 410];

/// An address that wants events of one type.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Subscription {
    pub webhook_type: String,
    pub request_url: String,
    pub secret_token: Option<String>,
}

/// A webhook that waits to be delivered.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Outgoing {
    pub number: u64,
    pub action: String,
    /// When it may be sent; later after each attempt that failed.
    pub due: DateTime<Utc>,
    pub attempts: u32,
    /// The exact bytes.
    pub body: String,
    #[serde(skip)]
    pub to: Subscription,
}

impl Outgoing {
    /// What `Ashby-Signature` says.
    pub(crate) fn signature(&self) -> Option<String> {
        let secret = self.to.secret_token.as_ref()?;
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
        mac.update(self.body.as_bytes());
        Some(format!(
            "sha256={}",
            hex::encode(mac.finalize().into_bytes())
        ))
    }
}

/// Subscriptions, and what waits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Webhooks {
    pub subscriptions: Vec<Subscription>,
    pub outbox: Vec<Outgoing>,
    next: u64,
    /// Whether the deed under way is an API key's.
    pub by_api: bool,
}

impl Webhooks {
    /// Takes note of an attempt: what was answered, `None` where nothing was. Answers whether it will be tried again.
    pub(crate) fn attempted(
        &mut self,
        number: u64,
        status: Option<u16>,
        now: DateTime<Utc>,
    ) -> bool {
        let Some(place) = self.outbox.iter().position(|one| one.number == number) else {
            return false;
        };
        let one = &mut self.outbox[place];
        one.attempts += 1;
        let is_taken = status.is_some_and(|status| (200..300).contains(&status));
        let is_final = status.is_some_and(|status| FINAL.contains(&status));
        if is_taken || is_final || one.attempts >= MAX_ATTEMPTS {
            self.outbox.remove(place);
            return false;
        }
        one.due = now + TimeDelta::seconds(10 * ((1 << one.attempts) - 1));
        true
    }
}

impl World {
    /// Puts an event into the outbox, once for each type and address that wants it.
    pub(crate) fn announce(&mut self, actions: &[&str], data: &Value) {
        let wanted = |one: &&Subscription| actions.contains(&one.webhook_type.as_str());
        let to: Vec<_> = self
            .webhooks
            .subscriptions
            .iter()
            .filter(wanted)
            .cloned()
            .collect();
        if to.is_empty() || (self.webhooks.by_api && !self.switches.webhook_echo) {
            return;
        }
        let id = self.chance.object_id();
        for subscription in to {
            let mut body = json!({ "action": subscription.webhook_type, "data": data });
            if self.switches.webhook_action_ids {
                body["webhookActionId"] = json!(id);
            }
            let number = self.webhooks.next;
            self.webhooks.next += 1;
            self.webhooks.outbox.push(Outgoing {
                number,
                action: subscription.webhook_type.clone(),
                due: self.now,
                attempts: 0,
                body: body.to_string(),
                to: subscription,
            });
        }
    }

    /// Announces an application as it is now, where the key behind a webhook may see it.
    pub(crate) fn announce_application(&mut self, id: Uuid, actions: &[&str]) {
        if self.webhooks.subscriptions.is_empty() {
            return;
        }
        let shown = self
            .applications
            .get(id)
            .filter(|row| self.shows_application(&row.item));
        let Some(application) = shown.map(|row| wire::application(self, row)) else {
            return;
        };
        self.announce(actions, &json!({ "application": application }));
    }

    /// Announces that an application has come to another stage.
    pub(crate) fn announce_move(&mut self, id: Uuid, kind: StageKind) {
        let mut actions = vec!["candidateStageChange", "applicationUpdate"];
        if kind == StageKind::Hired {
            actions.push("candidateHire");
        }
        self.announce_application(id, &actions);
    }

    /// Announces a job as it is now.
    pub(crate) fn announce_job(&mut self, id: Uuid) {
        let job = self.jobs.get(id).map(|row| wire::job(self, row));
        if let Some(job) = job {
            self.announce(&["jobUpdate"], &json!({ "job": job }));
        }
    }
}
