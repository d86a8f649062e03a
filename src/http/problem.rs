//! What goes wrong, as RFC 9457 problem documents with a closed set of codes. Nothing internal leaks: what is ours to
//! mend is logged and answered with a plain sentence.

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    dover::payload::Fault,
    store::StoreError,
    sync::{
        SyncError, erase::EraseError, lease::Stop, register::RegisterError, resolve::ResolveError,
        settings::ChangeError,
    },
};

/// How long a sender should wait before it tries again, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// What kind of problem it is. Stable: clients may match on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The request cannot be read: not JSON, or a parameter of the wrong type.
    InvalidRequest,
    /// Fields are missing or wrong; `faults` names each.
    InvalidFields,
    /// No valid token.
    Unauthorized,
    /// The token is valid, and does not open this.
    Forbidden,
    /// A webhook without a valid signature.
    BadSignature,
    /// There is nothing of that name.
    NotFound,
    /// Not with this method.
    MethodNotAllowed,
    /// The body is larger than 1 MiB.
    TooLarge,
    /// The body is not `application/json`.
    UnsupportedMediaType,
    /// There is a connection of that name.
    NameTaken,
    /// The Dover job or the Ashby job is registered.
    AlreadyRegistered,
    /// The connection is paused.
    ConnectionPaused,
    /// The connection needs attention: see its checks.
    ConnectionNeedsAttention,
    /// A flush is under way; wait until it ends.
    FlushRunning,
    /// What the brake asked no longer waits for an answer, or was given the other one.
    BrakeAnswered,
    /// An undo, which cannot be undone.
    CannotBeUndone,
    /// A write to Ashby for this person is under way, or its outcome is not known.
    WriteUnderWay,
    /// Nobody could open everything afterwards.
    LastAdminToken,
    /// Ashby does not take the key.
    AshbyKeyRefused,
    /// Ashby does not answer.
    AshbyUnavailable,
    /// The title is not the job's title in Ashby.
    TitleMismatch,
    /// The job is not open.
    JobNotOpen,
    /// The key sees no such job.
    JobNotVisible,
    /// The setting is locked, and the caller is no admin.
    SettingLocked,
    /// Neither the id of an Ashby job nor its address.
    NotAnAshbyJob,
    /// A file that is no list of people.
    UnreadableList,
    /// A file that is being read.
    ImportUnderWay,
    /// A delivery that keeps not to the contract; `faults` names each fault.
    InvalidDelivery,
    /// Nobody has set up what this needs.
    NotSetUp,
    /// The database does not answer.
    DatabaseUnavailable,
    /// More requests wait than can be answered soon.
    Busy,
    /// A fault of ours; it is logged.
    Internal,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 32] = [
        Self::InvalidRequest,
        Self::InvalidFields,
        Self::Unauthorized,
        Self::Forbidden,
        Self::BadSignature,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::NameTaken,
        Self::AlreadyRegistered,
        Self::ConnectionPaused,
        Self::ConnectionNeedsAttention,
        Self::FlushRunning,
        Self::BrakeAnswered,
        Self::CannotBeUndone,
        Self::WriteUnderWay,
        Self::LastAdminToken,
        Self::AshbyKeyRefused,
        Self::AshbyUnavailable,
        Self::TitleMismatch,
        Self::JobNotOpen,
        Self::JobNotVisible,
        Self::SettingLocked,
        Self::NotAnAshbyJob,
        Self::UnreadableList,
        Self::ImportUnderWay,
        Self::InvalidDelivery,
        Self::NotSetUp,
        Self::DatabaseUnavailable,
        Self::Busy,
        Self::Internal,
    ];

    /// The HTTP status that goes with it.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest => StatusCode::BAD_REQUEST,
            Self::Unauthorized | Self::BadSignature => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::SettingLocked => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NameTaken
            | Self::AlreadyRegistered
            | Self::ConnectionPaused
            | Self::ConnectionNeedsAttention
            | Self::FlushRunning
            | Self::BrakeAnswered
            | Self::CannotBeUndone
            | Self::WriteUnderWay
            | Self::ImportUnderWay
            | Self::LastAdminToken => StatusCode::CONFLICT,
            Self::InvalidFields
            | Self::AshbyKeyRefused
            | Self::TitleMismatch
            | Self::JobNotOpen
            | Self::JobNotVisible
            | Self::NotAnAshbyJob
            | Self::UnreadableList
            | Self::InvalidDelivery => StatusCode::UNPROCESSABLE_ENTITY,
            Self::AshbyUnavailable => StatusCode::BAD_GATEWAY,
            Self::NotSetUp | Self::DatabaseUnavailable | Self::Busy => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The kind of problem in words.
    pub const fn title(self) -> &'static str {
        match self {
            Self::InvalidRequest => "The request cannot be read",
            Self::InvalidFields => "Fields are missing or wrong",
            Self::Unauthorized => "A token is needed",
            Self::Forbidden => "The token does not open this",
            Self::BadSignature => "The signature does not hold",
            Self::NotFound => "There is nothing here",
            Self::MethodNotAllowed => "Not with this method",
            Self::TooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The body must be JSON",
            Self::NameTaken => "The name is taken",
            Self::AlreadyRegistered => "It is registered already",
            Self::ConnectionPaused => "The connection is paused",
            Self::ConnectionNeedsAttention => "The connection needs attention",
            Self::FlushRunning => "A flush is under way",
            Self::BrakeAnswered => "It was answered already",
            Self::CannotBeUndone => "An undo cannot be undone",
            Self::WriteUnderWay => "A write to Ashby is under way",
            Self::LastAdminToken => "It is the last way in",
            Self::AshbyKeyRefused => "Ashby does not take the key",
            Self::AshbyUnavailable => "Ashby does not answer",
            Self::TitleMismatch => "The title is another",
            Self::JobNotOpen => "The job is not open",
            Self::JobNotVisible => "The key sees no such job",
            Self::SettingLocked => "The setting is locked",
            Self::NotAnAshbyJob => "That is no Ashby job",
            Self::UnreadableList => "The file is no list of people",
            Self::ImportUnderWay => "The file is being read",
            Self::InvalidDelivery => "The delivery does not keep to the contract",
            Self::NotSetUp => "It is not set up yet",
            Self::DatabaseUnavailable => "The database does not answer",
            Self::Busy => "Too much is waiting",
            Self::Internal => "Something went wrong on our side",
        }
    }
}

/// A problem document (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Names the kind of problem; `about:blank`, for `code` tells.
    #[serde(rename = "type")]
    #[schema(examples("about:blank"))]
    pub kind: String,
    /// The kind of problem in words.
    pub title: String,
    /// The HTTP status.
    #[schema(examples(404))]
    pub status: u16,
    /// The kind of problem, for machines.
    pub code: Code,
    /// What went wrong here, and what to do next.
    pub detail: String,
    /// Every fault, with the RFC 6901 pointer to where it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// The title that the job has in Ashby, with `title-mismatch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ashby_title: Option<String>,
}

/// A request that could not be answered as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError(Box<Problem>);

impl ApiError {
    /// A problem of kind `code`; `detail` says what to do next.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem {
            kind: "about:blank".to_owned(),
            title: code.title().to_owned(),
            status: code.status().as_u16(),
            code,
            detail: detail.into(),
            faults: Vec::new(),
            ashby_title: None,
        }))
    }

    /// The document that is answered.
    pub fn problem(&self) -> &Problem {
        &self.0
    }

    /// What kind of problem it is.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The same with every fault of it.
    #[must_use]
    pub fn with_faults(mut self, faults: Vec<Fault>) -> Self {
        self.0.faults = faults;
        self
    }

    /// Fields that are missing or wrong.
    pub fn fields(faults: Vec<Fault>) -> Self {
        Self::new(
            Code::InvalidFields,
            "Correct the fields that `faults` names.",
        )
        .with_faults(faults)
    }

    /// One field that is wrong: the pointer to it, and what was expected.
    pub fn field(pointer: &str, detail: impl Into<String>) -> Self {
        Self::fields(vec![Fault {
            pointer: pointer.to_owned(),
            detail: detail.into(),
        }])
    }

    /// There is no `what` of that name.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("There is no such {what}."))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let code = self.0.code;
        let mut response = (code.status(), Json(self.0)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        let header: Option<(HeaderName, HeaderValue)> = match code {
            Code::NotSetUp | Code::DatabaseUnavailable | Code::Busy => {
                Some((header::RETRY_AFTER, RETRY_AFTER))
            }
            Code::Unauthorized => {
                Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")))
            }
            _ => None,
        };
        headers.extend(header);
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Unavailable(_) | StoreError::Contended(_) => {
                tracing::warn!("a request could not be answered: {error}");
                Self::new(
                    Code::DatabaseUnavailable,
                    "The database does not answer. Try again in a few seconds.",
                )
            }
            StoreError::Gone(what) => Self::not_found(what),
            StoreError::AnotherMasterKey => {
                tracing::error!("a request could not be answered: {error}");
                Self::new(
                    Code::DatabaseUnavailable,
                    "MASTER_KEY was rotated while this process ran. It has to be restarted with the present one.",
                )
            }
            _ => {
                tracing::error!("a request could not be answered: {error}");
                Self::new(
                    Code::Internal,
                    "It is logged; try again, and report it if it stays.",
                )
            }
        }
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        StoreError::from(error).into()
    }
}

impl From<SyncError> for ApiError {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Store(error) => error.into(),
            SyncError::Ashby(_) if error.is_about_the_key() => Self::new(
                Code::ConnectionNeedsAttention,
                format!("{error}. Mend the key, then check the connection."),
            ),
            SyncError::Ashby(error) => {
                Self::new(Code::AshbyUnavailable, format!("{error}. Try again later."))
            }
        }
    }
}

impl From<Stop> for ApiError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Broken(error) => error.into(),
            Stop::Key(why) => Self::new(
                Code::ConnectionNeedsAttention,
                format!("{why} Mend the key, then check the connection."),
            ),
            Stop::Unanswered(what) => {
                Self::new(Code::AshbyUnavailable, format!("{what}. Try again later."))
            }
            Stop::Shutdown | Stop::LeaseLost => Self::new(
                Code::Busy,
                "The process is shutting down. Try again in a few seconds.",
            ),
        }
    }
}

impl From<ResolveError> for ApiError {
    fn from(error: ResolveError) -> Self {
        let said = error.to_string();
        match error {
            ResolveError::Sync(error) => error.into(),
            ResolveError::NoSuchCandidate => Self::field("/candidate_id", said),
            ResolveError::NoSuchApplication | ResolveError::OtherJob => {
                Self::field("/application_id", said)
            }
            ResolveError::NoSuchNote => Self::field("/note", said),
            ResolveError::Linked => Self::field("", said),
        }
    }
}

impl From<EraseError> for ApiError {
    fn from(error: EraseError) -> Self {
        match error {
            EraseError::Sync(error) => error.into(),
            EraseError::Gone => Self::not_found("prospect"),
            EraseError::WriteUnderWay => Self::new(
                Code::WriteUnderWay,
                "A write to Ashby for this person is under way, or its outcome is not known yet. Each flush looks into it: flush, and try again. Where a prospect of theirs is create-undecided, say first what became of it: resync it with candidate_id, application_id or create_again=true, and erase before the next flush.",
            ),
        }
    }
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Sync(error) => error.into(),
            ChangeError::Stopped(stop) => stop.into(),
            ChangeError::Gone(what) => Self::not_found(what),
            ChangeError::Faults(faults) => Self::fields(faults),
            ChangeError::NotAnAdmin => Self::new(
                Code::SettingLocked,
                "Only an admin locks and unlocks settings.",
            ),
            ChangeError::Locked { key, lock } => Self::new(
                Code::SettingLocked,
                format!("`{key}` is locked, by the lock on `{lock}`: only an admin changes it."),
            ),
        }
    }
}

impl From<RegisterError> for ApiError {
    fn from(error: RegisterError) -> Self {
        let said = error.to_string();
        match error {
            RegisterError::Sync(error) => error.into(),
            RegisterError::KeyRefused(_) => Self::new(
                Code::AshbyKeyRefused,
                format!(
                    "{said} Make a key in Ashby under {} and use that.",
                    crate::plan::reason::API_KEYS_MENU
                ),
            ),
            RegisterError::NameTaken => Self::new(
                Code::NameTaken,
                "There is a connection of that name. Change that one, or choose another name.",
            ),
            RegisterError::NotAnAshbyJob => Self::new(
                Code::NotAnAshbyJob,
                "`ashby_job` is neither the id of an Ashby job nor its address. Open the job in Ashby and paste the address of the page.",
            )
            .with_faults(vec![Fault::new("/ashby_job", said)]),
            RegisterError::JobNotVisible => Self::new(
                Code::JobNotVisible,
                format!(
                    "The key sees no such job: it does not exist, belongs to another organisation, or is confidential. For a confidential one, allow the key confidential jobs under {}.",
                    crate::plan::reason::API_KEYS_MENU
                ),
            ),
            RegisterError::JobNotOpen { .. } => Self::new(
                Code::JobNotOpen,
                format!("{said}. Open it in Ashby, then register it."),
            ),
            RegisterError::TitleMismatch { ashby_title } => {
                let mut problem = Self::new(
                    Code::TitleMismatch,
                    format!(
                        "{said}. If that is the job you mean, register it with exactly that title."
                    ),
                );
                problem.0.ashby_title = Some(ashby_title);
                problem.with_faults(vec![Fault::new("/title", said)])
            }
            RegisterError::AlreadyRegistered(_) => Self::new(
                Code::AlreadyRegistered,
                format!("{said}. Change that registration, or remove it first."),
            ),
        }
    }
}
