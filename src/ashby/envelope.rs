//! Reads one answer: Ashby's envelope and the results in it, or the error it amounts to.
//!
//! Ashby answers most refusals with HTTP 200 and `success:false`; only 401, 403, 429 and 5xx speak through the status.
//! This module knows nothing of connections, of trying again, or of what any endpoint is for.

use reqwest::StatusCode;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

use super::{
    complaint::Complaint,
    endpoint::Endpoint,
    error::{AshbyError, ErrorKind},
};

/// What an endpoint answered, with what lists carry beside it.
#[derive(Debug)]
pub(super) struct Answer<R> {
    pub(super) results: R,
    pub(super) more: bool,
    pub(super) next_cursor: Option<String>,
    pub(super) sync_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    success: Option<bool>,
    #[serde(borrow)]
    results: Option<&'a RawValue>,
    more_data_available: Option<bool>,
    next_cursor: Option<String>,
    sync_token: Option<String>,
    errors: Option<Value>,
    error_info: Option<Value>,
}

/// Turns the status and body of an answer into its results, or into the error they amount to.
pub(super) fn read<R: DeserializeOwned>(
    endpoint: Endpoint,
    status: StatusCode,
    body: &[u8],
) -> Result<Answer<R>, AshbyError> {
    let envelope = serde_json::from_slice::<Envelope<'_>>(body);
    let complaint = match &envelope {
        Ok(said) => Complaint::in_envelope(said.errors.as_ref(), said.error_info.as_ref()),
        Err(_) => Complaint::in_plain_text(body),
    };
    if let Some(kind) = complaint.kind_by_status(endpoint, status) {
        return Err(complaint.into_error(endpoint, kind, status));
    }
    match envelope {
        Err(error) => Err(unreadable(endpoint, status, body.len(), &error)),
        Ok(said) if said.success == Some(true) && status.is_success() => {
            results_of(endpoint, status, said)
        }
        Ok(said) if said.success == Some(false) => {
            let kind = complaint.kind_by_code(endpoint);
            Err(complaint.into_error(endpoint, kind, status))
        }
        Ok(_) => Err(AshbyError::new(
            endpoint,
            ErrorKind::Unreadable,
            format!("HTTP {status} with JSON that is not Ashby's envelope"),
        )),
    }
}

fn results_of<R: DeserializeOwned>(
    endpoint: Endpoint,
    status: StatusCode,
    envelope: Envelope<'_>,
) -> Result<Answer<R>, AshbyError> {
    // Absent results are never taken for empty ones: "nobody found" would let a second copy of a person be made.
    let Some(results) = envelope.results else {
        let message = format!("HTTP {status} with success and no results");
        return Err(AshbyError::new(endpoint, ErrorKind::Unreadable, message));
    };
    let results = serde_json::from_str(results.get())
        .map_err(|error| unreadable(endpoint, status, results.get().len(), &error))?;
    Ok(Answer {
        results,
        more: envelope
            .more_data_available
            .unwrap_or(envelope.next_cursor.is_some()),
        next_cursor: envelope.next_cursor,
        sync_token: envelope.sync_token,
    })
}

/// Names where the reading stopped, not what stood there: the parser's own words would quote people's data.
fn unreadable(
    endpoint: Endpoint,
    status: StatusCode,
    length: usize,
    error: &serde_json::Error,
) -> AshbyError {
    let why = match error.classify() {
        serde_json::error::Category::Eof => "JSON that was cut short",
        serde_json::error::Category::Data => "results of another shape than documented",
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => {
            "a body that is not JSON"
        }
    };
    let (line, column) = (error.line(), error.column());
    AshbyError::new(
        endpoint,
        ErrorKind::Unreadable,
        format!(
            "HTTP {status} with {why} ({length} bytes, stopped at line {line}, column {column})"
        ),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::{
            Disposition,
            endpoint::{CANDIDATE_CREATE, CANDIDATE_LIST},
        },
        *,
    };

    fn read_list(status: u16, body: &str) -> Result<Answer<Vec<Value>>, AshbyError> {
        let status = StatusCode::from_u16(status).unwrap();
        read(CANDIDATE_LIST, status, body.as_bytes())
    }

    #[test]
    fn results_come_with_what_a_list_carries_beside_them() {
        let answer = read_list(
            200,
            r#"{"success":true,"results":[1],"moreDataAvailable":true,"nextCursor":"abc","warnings":["odd"]}"#,
        )
        .unwrap();
        assert_eq!(answer.results, [json!(1)]);
        assert!(answer.more);
        assert_eq!(answer.next_cursor.as_deref(), Some("abc"));

        let last = read_list(
            200,
            r#"{"success":true,"results":[],"moreDataAvailable":false,"nextCursor":null,"syncToken":"6WpGx7L3L"}"#,
        )
        .unwrap();
        assert!(!last.more);
        assert_eq!(last.sync_token.as_deref(), Some("6WpGx7L3L"));
    }

    /// Reads `body` and returns what became of it: kind, code and message.
    fn fate(status: u16, body: &str) -> (ErrorKind, Option<String>, String) {
        let error = read_list(status, body).expect_err(body);
        (error.kind, error.code, error.message)
    }

    #[test]
    fn every_shape_of_refusal_is_understood() {
        let not_found = Some("application_not_found");
        let invalid = Some("invalid_input");
        for (body, code, message) in [
            (
                r#"{"success":false,"errors":["application_not_found"]}"#,
                not_found,
                "application_not_found",
            ),
            (
                r#"{"success":false,"errors":["application_not_found"],"errorInfo":null}"#,
                not_found,
                "application_not_found",
            ),
            (
                r#"{"success":false,"errors":["x"],"errorInfo":{"code":"application_not_found","message":"None such"}}"#,
                not_found,
                "None such",
            ),
            (
                r#"{"success":false,"errors":[{"message":"Invalid uuid","parameter":"id"}]}"#,
                None,
                "Invalid uuid (id)",
            ),
            (
                r#"{"success":false,"errors":[{"message":"invalid_input","parameter":"id"}]}"#,
                invalid,
                "invalid_input",
            ),
            (
                r#"{"success":false,"errors":["invalid_input","Name is required"]}"#,
                invalid,
                "Name is required",
            ),
            (
                r#"{"success":false,"errors":"invalid_input"}"#,
                invalid,
                "invalid_input",
            ),
            (r#"{"success":false}"#, None, "HTTP 200 OK"),
        ] {
            for status in [200, 400] {
                let message =
                    message.replace("200 OK", &StatusCode::from_u16(status).unwrap().to_string());
                let expected = (ErrorKind::Refused, code.map(str::to_owned), message);
                assert_eq!(fate(status, body), expected, "{status} {body}");
            }
        }
    }

    #[test]
    fn a_missing_right_is_named_in_every_shape() {
        for (status, body) in [
            (
                200,
                r#"{"success":false,"errors":["missing_endpoint_permission"]}"#,
            ),
            (
                403,
                r#"{"success":false,"errors":["missing_endpoint_permission"]}"#,
            ),
            (
                403,
                r#"{"success":false,"errors":[{"message":"missing_endpoint_permission","parameter":null}]}"#,
            ),
            (
                403,
                r#"{"errorInfo":{"code":"missing_endpoint_permission","message":"Ask an admin"}}"#,
            ),
            (
                403,
                r#"{"errors":[{"message":"This key lacks the Candidates permission"}]}"#,
            ),
        ] {
            let (kind, _, message) = fate(status, body);
            let permission = "candidates:read";
            assert_eq!(kind, ErrorKind::PermissionMissing { permission }, "{body}");
            let opening = "the API key lacks the right candidates:read: ";
            assert!(message.starts_with(opening), "{message}");
        }
    }

    #[test]
    fn a_refused_key_is_understood_in_plain_text_too() {
        for (status, body, reason) in [
            (401, "Unauthorized", "Unauthorized"),
            (401, "", "HTTP 401 Unauthorized"),
            (403, "Forbidden", "Forbidden"),
            (403, "<html></html>", "HTTP 403 Forbidden"),
            (
                403,
                r#"{"success":false,"errors":["Key deactivated"]}"#,
                "Key deactivated",
            ),
        ] {
            let message = format!("Ashby refuses the API key: {reason}");
            assert_eq!(fate(status, body), (ErrorKind::KeyRefused, None, message));
        }
    }

    #[test]
    fn limits_and_faults_of_the_server_are_known_by_status_or_code() {
        for (status, body, kind) in [
            (429, "", ErrorKind::RateLimited),
            (
                429,
                r#"{"success":false,"errors":["rate_limit_exceeded"]}"#,
                ErrorKind::RateLimited,
            ),
            (
                200,
                r#"{"success":false,"errors":["rate_limit_exceeded"]}"#,
                ErrorKind::RateLimited,
            ),
            (
                500,
                r#"{"success":false,"errors":["generic_internal_error"]}"#,
                ErrorKind::ServerError,
            ),
            (
                200,
                r#"{"success":false,"errors":["generic_internal_error"]}"#,
                ErrorKind::ServerError,
            ),
            (
                502,
                "<html><body>Bad gateway</body></html>",
                ErrorKind::ServerError,
            ),
            (408, "", ErrorKind::Timeout),
        ] {
            assert_eq!(fate(status, body).0, kind, "{status} {body}");
        }
    }

    #[test]
    fn what_is_not_ashbys_envelope_is_unreadable() {
        for (status, body, message) in [
            (
                200,
                r#"{"success":true,"results":[{"#,
                "HTTP 200 OK with JSON that was cut short (28 bytes, stopped at line 1, column 28)",
            ),
            (
                200,
                "",
                "HTTP 200 OK with JSON that was cut short (0 bytes, stopped at line 1, column 0)",
            ),
            (
                200,
                "<html></html>",
                "HTTP 200 OK with a body that is not JSON (13 bytes, stopped at line 1, column 1)",
            ),
            (
                404,
                "<html></html>",
                "HTTP 404 Not Found with a body that is not JSON (13 bytes, stopped at line 1, column 1)",
            ),
            (
                200,
                r#"{"success":true}"#,
                "HTTP 200 OK with success and no results",
            ),
            (
                200,
                r#"{"success":true,"results":null}"#,
                "HTTP 200 OK with success and no results",
            ),
            (
                200,
                r#"{"message":"hello"}"#,
                "HTTP 200 OK with JSON that is not Ashby's envelope",
            ),
            (
                302,
                r#"{"success":true,"results":[]}"#,
                "HTTP 302 Found with JSON that is not Ashby's envelope",
            ),
        ] {
            let expected = (ErrorKind::Unreadable, None, message.to_owned());
            assert_eq!(fate(status, body), expected, "{status} {body}");
        }
    }

    #[test]
    fn the_request_id_of_the_body_is_kept() {
        let body = r#"{"success":false,"errorInfo":{"code":"invalid_input","message":"No","requestId":"01JSJ8"}}"#;
        let error = read_list(200, body).unwrap_err();
        assert_eq!(error.request_id.as_deref(), Some("01JSJ8"));
    }

    #[test]
    fn a_create_with_an_internal_error_is_in_doubt() {
        let body = br#"{"success":false,"errors":["generic_internal_error"],"errorInfo":null}"#;
        let error = read::<Value>(CANDIDATE_CREATE, StatusCode::OK, body).unwrap_err();
        assert_eq!(error.disposition(), Disposition::InDoubt);
    }

    #[test]
    fn an_unreadable_answer_quotes_nobody() {
        let body = br#"{"success":true,"results":"ada@example.com"}"#;
        let error = read::<Vec<u8>>(CANDIDATE_LIST, StatusCode::OK, body).unwrap_err();
        assert!(!error.to_string().contains("ada"), "{error}");
    }
}
