//! Extractors for JSON bodies and queries. What they refuse is answered with a problem document like everything else.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::{
    fields::{Fields, Readable},
    problem::{ApiError, Code},
};

/// The largest body that is read, in bytes.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// A JSON object that must be there.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: Readable> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(not_json());
        }
        let body = bytes(request, state).await?;
        read(&body).map(Self)
    }
}

/// A JSON object that may be left out: then all its fields are.
#[derive(Debug)]
pub struct MaybeBody<T>(pub T);

impl<S: Send + Sync, T: Readable> FromRequest<S> for MaybeBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let says_json = is_json(request.headers());
        let body = bytes(request, state).await?;
        match (body.is_empty(), says_json) {
            (true, _) => read(b"{}").map(Self),
            (false, true) => read(&body).map(Self),
            (false, false) => Err(not_json()),
        }
    }
}

/// The parameters behind the question mark.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: Readable> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = form_urlencoded::parse(query.as_bytes()).into_owned();
        let read = Fields::of_query(pairs);
        read.map(Self).map_err(|faults| {
            ApiError::new(
                Code::InvalidRequest,
                "Correct the query parameters that `faults` names.",
            )
            .with_faults(faults)
        })
    }
}

/// Whether the body claims to be JSON: `application/json`, or a type built on it (RFC 6839).
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|kind| kind.trim().to_ascii_lowercase());
    kind.is_some_and(|kind| {
        kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
    })
}

fn not_json() -> ApiError {
    ApiError::new(
        Code::UnsupportedMediaType,
        "Send a JSON object with `Content-Type: application/json`.",
    )
}

async fn bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, ApiError> {
    Bytes::from_request(request, state)
        .await
        .map_err(|rejection| unread(&rejection))
}

fn unread(rejection: &BytesRejection) -> ApiError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        ApiError::new(Code::TooLarge, "Bodies of at most 1 MiB are read.")
    } else {
        ApiError::new(
            Code::InvalidRequest,
            "The body broke off before its end. Send it again.",
        )
    }
}

fn read<T: Readable>(body: &[u8]) -> Result<T, ApiError> {
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        ApiError::new(
            Code::InvalidRequest,
            format!(
                "The body is not JSON: it goes wrong in line {}, column {}.",
                error.line(),
                error.column()
            ),
        )
    })?;
    Fields::of_object(object(value)?).map_err(ApiError::fields)
}

fn object(value: Value) -> Result<Map<String, Value>, ApiError> {
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(ApiError::field("", "expected a JSON object")),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body as RawBody;
    use axum::response::IntoResponse;

    use super::*;

    #[derive(Debug)]
    struct Note(Option<String>);

    impl Readable for Note {
        const FIELDS: &'static [&'static str] = &["text"];

        fn read(fields: &mut Fields) -> Option<Self> {
            Some(Self(fields.text("text", &(0..=100))))
        }
    }

    fn request(kind: Option<&str>, body: impl Into<RawBody>) -> Request {
        let mut request = Request::builder().uri("/?text=a%20b");
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        request.body(body.into()).unwrap()
    }

    async fn status(kind: Option<&str>, body: impl Into<RawBody>) -> u16 {
        match Body::<Note>::from_request(request(kind, body), &()).await {
            Ok(_) => 200,
            Err(refusal) => refusal.into_response().status().as_u16(),
        }
    }

    #[tokio::test]
    async fn only_what_claims_to_be_json_is_read() {
        for kind in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/merge-patch+json",
        ] {
            assert_eq!(status(Some(kind), "{}").await, 200, "{kind}");
        }
        for kind in [
            None,
            Some("text/plain"),
            Some("application/x-www-form-urlencoded"),
            Some(""),
        ] {
            assert_eq!(status(kind, "{}").await, 415, "{kind:?}");
        }
    }

    #[tokio::test]
    async fn a_body_that_is_not_json_is_an_invalid_request() {
        let json = Some("application/json");
        for body in ["", "{", "nope", "{} {}"] {
            assert_eq!(status(json, body).await, 400, "{body}");
        }
        assert_eq!(status(json, vec![0xFF, 0xFE]).await, 400);
    }

    #[tokio::test]
    async fn a_body_of_the_wrong_shape_has_invalid_fields() {
        for body in ["[]", "null", "7", r#"{"text": 7}"#, r#"{"texts": ""}"#] {
            assert_eq!(status(Some("application/json"), body).await, 422, "{body}");
        }
    }

    #[tokio::test]
    async fn a_body_may_be_left_out_where_nothing_in_it_is_required() {
        let none = MaybeBody::<Note>::from_request(request(None, ""), &()).await;
        assert!(none.unwrap().0.0.is_none());
        let refused = MaybeBody::<Note>::from_request(request(None, "{}"), &()).await;
        assert_eq!(refused.unwrap_err().into_response().status(), 415);
    }

    #[tokio::test]
    async fn a_query_is_decoded() {
        let (mut parts, _) = request(None, "").into_parts();
        let Query(Note(text)) = Query::from_request_parts(&mut parts, &()).await.unwrap();
        assert_eq!(text.as_deref(), Some("a b"));
    }

    #[tokio::test]
    async fn a_query_that_cannot_be_kept_is_refused() {
        for query in ["text=%00", "text=a&text=b", "texts=a", "=", "text=%FF&x"] {
            let uri = format!("/?{query}");
            let (mut parts, ()) = Request::builder().uri(uri).body(()).unwrap().into_parts();
            let refused = Query::<Note>::from_request_parts(&mut parts, &()).await;
            assert_eq!(
                refused.unwrap_err().into_response().status(),
                400,
                "{query}"
            );
        }
    }
}
