//! The shapes in which Ashby says no, and what kind of failure each is.
//!
//! There are three, sometimes two at once: `errors` as strings, `errors` as objects of `message` and `parameter`, and
//! `errorInfo` with `code`, `message` and `requestId`, which may also be `null`. A refused key may be answered in plain
//! text.

use reqwest::StatusCode;
use serde_json::Value;

use super::{
    endpoint::Endpoint,
    error::{AshbyError, ErrorKind},
};

/// What Ashby said when it said no.
#[derive(Debug, Default)]
pub(super) struct Complaint {
    code: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
}

/// The longest piece of a plain-text body that goes into a message.
const QUOTE: usize = 200;

const MISSING_PERMISSION: &str = "missing_endpoint_permission";

impl Complaint {
    /// What a body that is not JSON says, unless it is a page or a piece of JSON.
    pub(super) fn in_plain_text(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let text = text.trim();
        let is_prose = !text.is_empty() && !text.starts_with(['<', '{', '[']);
        Self {
            message: is_prose.then(|| text.chars().take(QUOTE).collect()),
            ..Self::default()
        }
    }

    /// What the `errors` and the `errorInfo` of an envelope say together.
    pub(super) fn in_envelope(errors: Option<&Value>, info: Option<&Value>) -> Self {
        let info = |field: &str| Some(info?.get(field)?.as_str()?.to_owned());
        let errors = listed(errors);
        let code = info("code").or_else(|| errors.iter().find(|text| is_code(text)).cloned());
        let prose = errors.iter().filter(|text| !is_code(text)).cloned();
        let prose = prose.collect::<Vec<_>>().join("; ");
        Self {
            code,
            message: info("message").or_else(|| (!prose.is_empty()).then_some(prose)),
            request_id: info("requestId"),
        }
    }

    /// The errors that the status alone decides, whatever else the body holds.
    pub(super) fn kind_by_status(
        &self,
        endpoint: Endpoint,
        status: StatusCode,
    ) -> Option<ErrorKind> {
        match status.as_u16() {
            403 if self.is_about_permission() => Some(ErrorKind::PermissionMissing {
                permission: endpoint.permission,
            }),
            401 | 403 => Some(ErrorKind::KeyRefused),
            408 => Some(ErrorKind::Timeout),
            429 => Some(ErrorKind::RateLimited),
            500..=599 => Some(ErrorKind::ServerError),
            _ => None,
        }
    }

    /// The errors among those that came with `success:false` under an ordinary status.
    pub(super) fn kind_by_code(&self, endpoint: Endpoint) -> ErrorKind {
        match self.code.as_deref() {
            Some(MISSING_PERMISSION) => ErrorKind::PermissionMissing {
                permission: endpoint.permission,
            },
            Some("rate_limit_exceeded") => ErrorKind::RateLimited,
            // `generic_internal_error` and its kin: Ashby warns that the effect may have happened all the same.
            Some(code) if code.ends_with("internal_error") || code.ends_with("server_error") => {
                ErrorKind::ServerError
            }
            _ => ErrorKind::Refused,
        }
    }

    /// The documented code, or a sentence that says as much: the live shape of this refusal carries only a message.
    fn is_about_permission(&self) -> bool {
        self.code.as_deref() == Some(MISSING_PERMISSION)
            || self.message.as_deref().is_some_and(|message| {
                message.contains(MISSING_PERMISSION)
                    || message.to_ascii_lowercase().contains("permission")
            })
    }

    /// The error that `kind` of failure amounts to, in Ashby's own words where there are any.
    pub(super) fn into_error(
        self,
        endpoint: Endpoint,
        kind: ErrorKind,
        status: StatusCode,
    ) -> AshbyError {
        let said = self.message.or_else(|| self.code.clone());
        let said = said.unwrap_or_else(|| format!("HTTP {status}"));
        let message = match kind {
            ErrorKind::KeyRefused => format!("Ashby refuses the API key: {said}"),
            ErrorKind::PermissionMissing { permission } => {
                format!("the API key lacks the right {permission}: {said}")
            }
            _ => said,
        };
        AshbyError {
            code: self.code,
            request_id: self.request_id,
            ..AshbyError::new(endpoint, kind, message)
        }
    }
}

/// The entries of `errors`, each as one text; an object's parameter stands behind its message.
fn listed(errors: Option<&Value>) -> Vec<String> {
    let entry = |entry: &Value| -> Option<String> {
        if let Some(text) = entry.as_str() {
            return Some(text.to_owned());
        }
        let message = entry.get("message").or_else(|| entry.get("code"))?;
        let message = message.as_str()?;
        Some(match entry.get("parameter").and_then(Value::as_str) {
            Some(parameter) if !is_code(message) => format!("{message} ({parameter})"),
            _ => message.to_owned(),
        })
    };
    match errors {
        Some(Value::Array(entries)) => entries.iter().filter_map(entry).collect(),
        Some(other) => entry(other).into_iter().collect(),
        None => Vec::new(),
    }
}

/// Whether a text is one of Ashby's codes, which are words joined by underscores, and not a sentence.
fn is_code(text: &str) -> bool {
    text.contains('_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
