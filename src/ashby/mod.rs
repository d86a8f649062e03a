//! The typed client of Ashby's API: one `call()`, one method an endpoint, errors that know whether to try again, and a
//! pace that stays within the key's rate limit.
//!
//! It knows how Ashby speaks and nothing of why we ask: no rules, no storage. The other side of every call is in the
//! file named after what it is about, its wire types beside its methods.

mod application;
mod call;
mod candidate;
mod complaint;
mod endpoint;
mod envelope;
mod error;
mod field;
mod job;
mod key;
mod lenient;
mod metadata;
mod note;
mod observe;
mod pace;
mod page;
mod punctual;
mod rate_headers;
mod tag;
mod user;
pub mod webhook;
mod words;

use std::{fmt, sync::Arc, time::Duration};

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use url::Url;

pub use self::{
    application::{Application, ApplicationStatus, NewApplication, StageChange},
    candidate::{
        Candidate, CandidateChange, Component, Location, NewCandidate, Place, SocialLink,
        SocialSite,
    },
    endpoint::{ENDPOINTS, Endpoint},
    error::{AshbyError, Disposition, ErrorKind},
    field::{CustomField, FieldObject, FieldType, FieldValue, Selectable},
    job::{JobInfo, JobStatus},
    key::ApiKeyInfo,
    metadata::{ArchiveReason, InterviewStage, ReasonType, Source, SourceType, StageType},
    note::{NewNote, Note},
    observe::{CallObserver, CallOutcome, CallRecord, Leave, WriteGuard},
    pace::{Budget, Pace, Partner},
    page::{Next, Page, PageFrom, SyncToken},
    tag::Tag,
    user::User,
};
use crate::clock::SharedClock;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Long enough for the slowest page of a large organisation, and for the slowest write. A write gets less where its
/// [`Leave`] ends sooner.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(30);

/// Idle connections are given up before a load balancer is likely to: a write sent into a closing connection is in
/// doubt, and a new connection costs a few milliseconds.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// The HTTP client of this program, made here and nowhere else: 5 s to connect, 30 s in all, no redirects.
pub fn http_client() -> reqwest::Client {
    http_client_with_timeout(TOTAL_TIMEOUT)
}

/// As [`http_client`], with another limit on the whole of a call.
#[expect(
    clippy::missing_panics_doc,
    reason = "the second build has nothing left to fail on"
)]
pub fn http_client_with_timeout(total: Duration) -> reqwest::Client {
    // Fails only where a provider is installed already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    settings(total).build().unwrap_or_else(|error| {
        // A bare container may lack root certificates. Without them every https call fails and says so, while the
        // simulator and a plain-http relay go on working.
        tracing::error!(%error, "no TLS root certificates: install the package ca-certificates");
        settings(total)
            .tls_certs_only([])
            .build()
            .expect("a client without root certificates needs nothing from the system")
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where HTTP clients are made"
)]
fn settings(total: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(total)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!(
            env!("CARGO_PKG_NAME"),
            "/",
            env!("CARGO_PKG_VERSION")
        ))
}

/// The share of the limit that is not ours unless the caller says otherwise. A tenth lets a dashboard or a reporting job
/// of the same key go on, and costs a large first pass about a tenth more time.
const USUAL_RESERVED_SHARE: f64 = 0.1;

/// Speaks to Ashby with one API key. Clones share everything and cost next to nothing.
#[derive(Clone)]
pub struct AshbyClient {
    core: Arc<Core>,
    reserved_share: f64,
    observers: Arc<[Arc<dyn CallObserver>]>,
    guard: Option<Arc<dyn WriteGuard>>,
    stopped: CancellationToken,
}

struct Core {
    http: reqwest::Client,
    base_url: Url,
    api_key: SecretString,
    clock: SharedClock,
    pace: Arc<Pace>,
}

impl AshbyClient {
    /// A client of the API at `base_url`. All clients of one key must be given the same `pace`.
    pub fn new(
        http: reqwest::Client,
        base_url: Url,
        api_key: SecretString,
        clock: SharedClock,
        pace: Arc<Pace>,
    ) -> Self {
        Self {
            core: Arc::new(Core {
                http,
                base_url,
                api_key,
                clock,
                pace,
            }),
            reserved_share: USUAL_RESERVED_SHARE,
            observers: Arc::new([]),
            guard: None,
            stopped: CancellationToken::new(),
        }
    }

    /// The same client, which neither waits nor begins another call once `stopped`: that is withheld.
    #[must_use]
    pub fn until(&self, stopped: CancellationToken) -> Self {
        Self {
            stopped,
            ..self.clone()
        }
    }

    /// The same client, which leaves `share` (0.0 to 1.0) of the key's limit to others. One call a window is always
    /// allowed.
    #[must_use]
    pub fn leaving(&self, share: f64) -> Self {
        Self {
            reserved_share: share,
            ..self.clone()
        }
    }

    /// The same client, which leaves `share` of the key's limit to others, or more if it did before.
    #[must_use]
    pub fn leaving_at_least(&self, share: f64) -> Self {
        self.leaving(share.max(self.reserved_share))
    }

    /// The same client, with `observer` told of every attempt as well.
    #[must_use]
    pub fn observed_by(&self, observer: Arc<dyn CallObserver>) -> Self {
        let observers = self.observers.iter().cloned().chain([observer]);
        Self {
            observers: observers.collect(),
            ..self.clone()
        }
    }

    /// The same client, which asks `guard` before every attempt at a write.
    #[must_use]
    pub fn guarded_by(&self, guard: Arc<dyn WriteGuard>) -> Self {
        Self {
            guard: Some(guard),
            ..self.clone()
        }
    }

    /// The pace of the key.
    pub fn pace(&self) -> &Pace {
        &self.core.pace
    }
}

impl fmt::Debug for AshbyClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AshbyClient")
            .field("base_url", &self.core.base_url.as_str())
            .field("api_key", &"redacted")
            .field("observers", &self.observers.len())
            .finish_non_exhaustive()
    }
}
