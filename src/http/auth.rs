//! Who may administer: whoever shows the admin token. Asked before anything else of a request is looked at, so that
//! a stranger learns nothing, not even which paths there are.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    problem::{ApiError, Code},
    state::AppState,
};

/// Lets a request through that carries the admin token as `Authorization: Bearer`; answers any other with 401.
pub async fn admin(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let is_admin = bearer(request.headers())
        .is_some_and(|shown| is_same(shown, state.admin_token.expose_secret()));
    if is_admin {
        return next.run(request).await;
    }
    ApiError::new(
        Code::Unauthorized,
        "Send the admin token as `Authorization: Bearer <token>`.",
    )
    .into_response()
}

/// The token of the one `Authorization` header. The scheme may be written in any case (RFC 9110, 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(only), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_matches(' '))
}

/// Compares in constant time; the digests hide the lengths too. An empty token is nobody's.
fn is_same(shown: &str, token: &str) -> bool {
    let digest = |text: &str| Sha256::digest(text.as_bytes());
    let same = digest(shown).as_slice().ct_eq(digest(token).as_slice());
    !token.is_empty() && bool::from(same)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn shown(values: &[&'static str]) -> HeaderMap {
        let values = values.iter().map(|value| HeaderValue::from_static(value));
        values.map(|value| (header::AUTHORIZATION, value)).collect()
    }

    #[test]
    fn the_scheme_may_be_written_in_any_case() {
        for value in ["Bearer token", "bearer token", "BEARER  token "] {
            assert_eq!(bearer(&shown(&[value])), Some("token"), "{value}");
        }
    }

    #[test]
    fn anything_but_one_bearer_token_counts_as_none() {
        for values in [
            &[][..],
            &["token"],
            &["Basic token"],
            &["Bearer"],
            &["Bearer token", "Bearer token"],
        ] {
            assert_eq!(bearer(&shown(values)), None, "{values:?}");
        }
    }

    #[test]
    fn only_the_whole_token_opens() {
        assert!(is_same("secret", "secret"));
        for wrong in ["", "secre", "secret ", "SECRET", "secrets"] {
            assert!(!is_same(wrong, "secret"), "{wrong}");
        }
        assert!(!is_same("", ""));
    }
}
