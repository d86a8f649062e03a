//! HTTP around the judge: from axum's request and to its response.

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use std::time::Duration;
use tower::ServiceExt;

use super::{
    Simulator,
    deeds::Deed,
    judge::{Incoming, Outcome, Payload, VERSION},
};

/// More than any request here needs.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// Answers every path that is not the control plane's.
pub(crate) async fn ashby(State(simulator): State<Simulator>, request: Request) -> Response {
    if request.method() != Method::POST {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let text = |name: HeaderName| parts.headers.get(name)?.to_str().ok();
    let endpoint = parts.uri.path().trim_start_matches('/');
    let deeds = simulator.lock().deeds.strike(endpoint);
    carry_out(&simulator, deeds.before).await;
    let outcome = simulator.lock().answer(&Incoming {
        endpoint,
        authorization: text(header::AUTHORIZATION),
        content_type: text(header::CONTENT_TYPE),
        version: text(HeaderName::from_static("ashby-version")),
        body: &body,
    });
    carry_out(&simulator, deeds.after).await;
    hold_back(outcome.delay_ms).await;
    respond(outcome)
}

/// Does what others were to do around this call, through the same door that they use.
async fn carry_out(simulator: &Simulator, deeds: Vec<Deed>) {
    for deed in deeds {
        let request = Request::builder()
            .method(deed.method.as_str())
            .uri(format!("/_sim{}", deed.path));
        let Ok(request) = request.body(Body::from(deed.body.to_string())) else {
            continue;
        };
        let done = simulator.router().oneshot(request).await;
        let status = done
            .map(|answer| answer.status().as_u16())
            .unwrap_or_default();
        simulator.lock().deeds.done(&deed, status);
    }
}

/// Makes the client wait in earnest: its timeouts run on the real clock, whatever clock the simulator was given.
async fn hold_back(millis: u64) {
    if millis == 0 {
        return;
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "the simulator must not know the crate's Clock, and here the wait is the point"
    )]
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

fn respond(outcome: Outcome) -> Response {
    let (kind, body) = match outcome.payload {
        Payload::Json(value) => (
            "application/json; charset=utf-8",
            Body::from(value.to_string()),
        ),
        Payload::Text(text) => ("text/plain; charset=utf-8", Body::from(text)),
        Payload::Html => ("text/html", Body::from(GATEWAY_PAGE)),
        Payload::Truncated(text) => ("application/json; charset=utf-8", Body::from(text)),
        Payload::Lost => ("application/json; charset=utf-8", broken_body()),
    };
    let mut headers = vec![
        ("content-type", kind.to_owned()),
        ("x-ashby-request-id", outcome.request_id),
        ("date", http_date(outcome.date)),
        ("ashby-version", VERSION.to_owned()),
        ("ashby-version-status", "active".to_owned()),
    ];
    if let Some([limit, remaining, reset]) = outcome.limits {
        headers.extend([
            ("x-ratelimit-limit", limit.to_string()),
            ("x-ratelimit-remaining", remaining.to_string()),
            ("x-ratelimit-reset", reset.to_string()),
        ]);
    }
    headers.extend(outcome.retry_after.map(|s| ("retry-after", s.to_string())));
    headers.extend(outcome.scope.map(|scope| ("x-ratelimit-scope", scope)));
    let mut response = Response::new(body);
    *response.status_mut() = outcome.status;
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// A body that fails before its first byte, upon which the server drops the connection.
fn broken_body() -> Body {
    let lost = std::io::Error::other("the answer is lost on order");
    Body::from_stream(futures::stream::iter([Err::<Vec<u8>, _>(lost)]))
}

const GATEWAY_PAGE: &str = "<html><head><title>502 Bad Gateway</title></head>\
    <body><center><h1>502 Bad Gateway</h1></center></body></html>";
