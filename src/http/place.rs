//! What the path of a request names. Whatever is not there, or cannot be a name at all, is answered with 404.

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{
        HeaderMap,
        header::HOST,
        request::Parts,
        uri::{Authority, Uri},
    },
};
use uuid::Uuid;

use super::{problem::ApiError, state::AppState};
use crate::store::{self, connection::Connection};

/// Whether a text can be the name of a connection: `^[a-z0-9][a-z0-9-]{0,62}$`.
pub fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=63).contains(&text.len())
        && text.bytes().all(|byte| is_plain(byte) || byte == b'-')
        && !text.starts_with('-')
}

/// The connection that the path names.
#[derive(Debug)]
pub struct At(pub Connection);

impl FromRequestParts<AppState> for At {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let Within(connection, _) = Within::from_request_parts(parts, state).await?;
        Ok(Self(connection))
    }
}

/// The connection that the path names, and the text that names something within it.
#[derive(Debug)]
pub struct Within(pub Connection, pub String);

impl FromRequestParts<AppState> for Within {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let missing = || ApiError::not_found("connection");
        // Percent-encoded bytes that are no text name nothing.
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|_| missing())?;
        let (mut name, mut item) = ("", "");
        for (param, value) in &params {
            *(if param == "connection" {
                &mut name
            } else {
                &mut item
            }) = value;
        }
        if !is_name(name) {
            return Err(missing());
        }
        let found = store::connection::by_name(&state.sync.pool, name).await?;
        Ok(Self(found.ok_or_else(missing)?, item.to_owned()))
    }
}

/// The text that names something of the whole installation.
#[derive(Debug)]
pub struct Item(pub String);

impl FromRequestParts<AppState> for Item {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        // Percent-encoded bytes that are no text name nothing.
        let params = RawPathParams::from_request_parts(parts, state).await.ok();
        let only = params.as_ref().and_then(|params| params.iter().next());
        Ok(Self(
            only.map_or_else(String::new, |(_, value)| value.to_owned()),
        ))
    }
}

/// The UUID that a text is, in its usual form of 36 characters; `what` has it as its id.
pub fn uuid(text: &str, what: &str) -> Result<Uuid, ApiError> {
    let id = Uuid::try_parse(text).ok();
    id.filter(|_| text.len() == 36)
        .ok_or_else(|| ApiError::not_found(what))
}

/// Where the outside reaches us, as far as a request tells: `https://example.com`, or nothing.
#[derive(Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// The address of a path of ours; the path alone where the request does not tell.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    fn of(headers: &HeaderMap, uri: &Uri) -> Self {
        // Proxies append to what they were told; the first word is that of the one that the client reached.
        let first = |name: &str| {
            let value = headers.get(name)?.to_str().ok()?;
            Some(value.split(',').next()?.trim().to_owned())
        };
        let authority = |text: String| text.parse::<Authority>().ok();
        let host = first("x-forwarded-host")
            .and_then(authority)
            .or_else(|| first(HOST.as_str()).and_then(authority))
            .or_else(|| uri.authority().cloned());
        let is_https =
            first("x-forwarded-proto").is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"));
        let scheme = if is_https { "https" } else { "http" };
        Self(host.map_or_else(String::new, |host| format!("{scheme}://{host}")))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Origin {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.headers, &parts.uri))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        let longest = "a".repeat(63);
        for name in ["a", "0", "acme-2", "a-", &longest] {
            assert!(is_name(name), "{name}");
        }
        let too_long = "a".repeat(64);
        for name in [
            "", "-a", "Acme", "a_b", "a b", "a\0", "\u{e4}", "a/b", &too_long,
        ] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn an_id_has_one_form() {
        let id = "0199d0c4-7e1f-7cc0-9c1a-2f6a1d5e0b11";
        assert!(uuid(id, "flush").is_ok());
        for text in [
            "",
            "7",
            "0199d0c47e1f7cc09c1a2f6a1d5e0b11",
            "{0199d0c4-7e1f-7cc0-9c1a-2f6a1d5e0b11}",
        ] {
            assert!(uuid(text, "flush").is_err(), "{text}");
        }
    }

    fn origin(headers: &[(&'static str, &'static str)]) -> String {
        let headers = headers.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        Origin::of(&headers.collect(), &Uri::from_static("/")).url("/x")
    }

    #[test]
    fn the_first_proxy_knows_our_address_best() {
        assert_eq!(origin(&[("host", "inner:8080")]), "http://inner:8080/x");
        let forwarded = [
            ("host", "inner:8080"),
            ("x-forwarded-host", "sync.example.com, proxy"),
            ("x-forwarded-proto", "https, http"),
        ];
        assert_eq!(origin(&forwarded), "https://sync.example.com/x");
    }

    #[test]
    fn what_is_no_address_is_left_out() {
        assert_eq!(origin(&[]), "/x");
        assert_eq!(origin(&[("host", "two words")]), "/x");
        let forged = [
            ("host", "ours"),
            ("x-forwarded-host", "a/b"),
            ("x-forwarded-proto", "gopher"),
        ];
        assert_eq!(origin(&forged), "http://ours/x");
    }
}
