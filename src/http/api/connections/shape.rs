//! How a connection is shown.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::ConnectionStatus;
use crate::{
    http::place::Origin,
    plan::situation::{Setup, SourceSetup},
    store::connection::Connection,
};

/// The path of a connection.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "described here, read by `At` and `Within`")]
pub struct ConnectionPath {
    /// The name of the connection.
    #[param(pattern = "^[a-z0-9][a-z0-9-]{0,62}$", example = "acme")]
    connection: String,
}

/// One employer's link: an Ashby key, a webhook secret, settings.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Connection)]
pub struct ConnectionBody {
    /// Its name, as it stands in paths.
    pub name: String,
    /// What it is up to.
    pub status: ConnectionStatus,
    /// Why nothing is sent to Ashby until a check passes; `null` where nothing stands against it.
    #[schema(required)]
    pub attention: Option<String>,
    /// Where deliveries are to be sent, as the address of this request tells it.
    pub webhook_url: String,
    /// Where Ashby's own webhooks may be sent, once they have a secret.
    pub ashby_webhook_url: String,
    /// When it was connected.
    pub created_at: DateTime<Utc>,
    /// When it is flushed next, unless it is paused or needs attention.
    pub next_flush_at: DateTime<Utc>,
    /// Whether deliveries signed with `X-Hub-Signature-256` or `X-Dover-Signature` are taken.
    pub accepts_hex_hmac: bool,
    /// Whether deliveries with the static bearer token are taken.
    pub accepts_bearer: bool,
    /// Where fields of a delivery are found that are not where the contract puts them: names of fields and JSON
    /// Pointers.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub payload_paths: Value,
    /// What an admin has to add to Ashby by hand, as last read; `null` before it was.
    #[schema(required)]
    pub setup: Option<SetupBody>,
}

impl ConnectionBody {
    /// The connection as it is shown to someone who reached us at `origin`.
    pub fn of(connection: &Connection, origin: &Origin) -> Self {
        let setup = connection.setup.as_ref().zip(connection.setup_read_at);
        Self {
            name: connection.name.clone(),
            status: connection.status(),
            attention: connection.attention.clone(),
            webhook_url: origin.url(&format!("/webhooks/dover/{}", connection.name)),
            ashby_webhook_url: origin.url(&format!("/webhooks/ashby/{}", connection.name)),
            created_at: connection.created_at,
            next_flush_at: connection.next_flush_at,
            accepts_hex_hmac: connection.accepts_hex_hmac,
            accepts_bearer: connection.accepts_bearer,
            payload_paths: connection.payload_paths.clone(),
            setup: setup.map(|(setup, read_at)| SetupBody::of(setup, read_at)),
        }
    }
}

/// What the sync needs in Ashby and cannot create there.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Setup)]
pub struct SetupBody {
    /// The source *Dover*.
    pub source: Presence,
    /// The archive reason *Withdrew in Dover*.
    pub withdrew: Presence,
    /// The archive reason *Rejected in Dover*.
    pub rejected: Presence,
    /// When Ashby was asked.
    pub read_at: DateTime<Utc>,
}

impl SetupBody {
    const fn of(setup: &Setup, read_at: DateTime<Utc>) -> Self {
        const fn reason(is_there: bool) -> Presence {
            if is_there {
                Presence::Found
            } else {
                Presence::Missing
            }
        }
        Self {
            source: match setup.source {
                SourceSetup::Found(_) => Presence::Found,
                SourceSetup::Missing => Presence::Missing,
                SourceSetup::Ambiguous => Presence::Ambiguous,
            },
            withdrew: reason(setup.withdrew.is_some()),
            rejected: reason(setup.rejected.is_some()),
            read_at,
        }
    }
}

/// Whether something is there in Ashby.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// It is.
    Found,
    /// It is not: what needs it waits.
    Missing,
    /// It is there several times, and none of them stands out: what needs it waits.
    Ambiguous,
}
