//! Who asks: the bearer of the bootstrap token, or of one that an admin made. Asked before anything else of a request is
//! looked at, so that a stranger learns nothing, not even which paths there are. What the one who asks may do stands in
//! [`access`].

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    access,
    problem::{ApiError, Code},
    state::AppState,
};
use crate::{
    ids::{ConnectionId, TokenId, random_bytes},
    plan::settings::locks::Who,
    store::{
        self,
        audit::By,
        token::{LAST_USE_WITHIN, Role, Token},
    },
};

/// What every token of ours begins with, so that whoever finds one knows whose it is.
const MARK: &str = "das_";
/// How much of a token is shown and kept in clear, in characters: the mark, and 48 of its 256 random bits.
const PREFIX: usize = MARK.len() + 8;
/// How long a token is, in characters: the mark and 32 bytes in base64.
const LENGTH: usize = MARK.len() + 43;

/// Who asks.
#[derive(Clone, Debug)]
pub struct Caller {
    /// What they may do.
    pub role: Role,
    /// What they are called: the name of their token, or `admin` for the bootstrap token.
    pub name: String,
    /// Their token; `None` for the bootstrap token.
    pub token: Option<TokenId>,
    /// The only connection that they may look at, with its name.
    pub bound_to: Option<(ConnectionId, String)>,
}

impl Caller {
    fn bootstrap() -> Self {
        Self {
            role: Role::Admin,
            name: "admin".to_owned(),
            token: None,
            bound_to: None,
        }
    }

    /// As changes of settings know them.
    pub fn who(&self) -> Who {
        Who {
            name: self.name.clone(),
            is_admin: self.role == Role::Admin,
        }
    }

    /// As the audit knows who did something at that time.
    pub fn at(&self, at: DateTime<Utc>) -> By<'_> {
        let name = &self.name;
        By { name, at }
    }

    fn of(token: Token) -> Self {
        Self {
            role: token.role,
            name: token.name,
            token: Some(token.id),
            bound_to: token.bound_to,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(stranger)
    }
}

/// Lets a request through whose bearer may make it, and tells the handler who that is. Answers a stranger with 401, and
/// whoever may not with 403, or with 404 where they may not know what there is.
pub async fn known(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let admitted = async {
        let caller = caller(&state, &parts.headers).await?;
        access::check(&caller, &mut parts).await?;
        Ok::<_, ApiError>(caller)
    };
    match admitted.await {
        Ok(caller) => {
            parts.extensions.insert(caller);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(refusal) => refusal.into_response(),
    }
}

fn stranger() -> ApiError {
    ApiError::new(
        Code::Unauthorized,
        "Send a token as `Authorization: Bearer <token>`: the admin token, or one that an admin made and that has neither expired nor been revoked.",
    )
}

async fn caller(state: &AppState, headers: &HeaderMap) -> Result<Caller, ApiError> {
    let shown = bearer(headers).ok_or_else(stranger)?;
    let pool = &state.sync.pool;
    if is_same(shown, state.admin_token.expose_secret()) {
        return match store::token::bootstrap_off_at(pool).await? {
            None => Ok(Caller::bootstrap()),
            Some(_) => Err(stranger()),
        };
    }
    // What cannot be one of ours costs the database nothing.
    let prefix = prefix(shown).ok_or_else(stranger)?;
    let (hash, now) = (hash(shown), state.sync.clock.now());
    let found = store::token::by_prefix(pool, prefix).await?;
    let found = found.into_iter().find(|token| {
        let is_it = bool::from(token.hash.as_slice().ct_eq(&hash));
        is_it && token.is_live(now)
    });
    let token = found.ok_or_else(stranger)?;
    note_use(state, &token);
    Ok(Caller::of(token))
}

/// Keeps when a token was last used, beside the request: nobody waits for it.
fn note_use(state: &AppState, token: &Token) {
    let (id, now) = (token.id, state.sync.clock.now());
    if token
        .last_used_at
        .is_some_and(|last| now - last < LAST_USE_WITHIN)
    {
        return;
    }
    let pool = state.sync.pool.clone();
    tokio::spawn(async move {
        if let Err(error) = store::token::used(&pool, id, now).await {
            tracing::debug!(token.id = %id, "the last use of a token was not kept: {error}");
        }
    });
}

/// A new token, with what of it may be shown and what of it is kept.
pub(super) fn generate() -> (String, String, Vec<u8>) {
    let token = format!("{MARK}{}", URL_SAFE_NO_PAD.encode(random_bytes::<32>()));
    let (prefix, hash) = (token[..PREFIX].to_owned(), hash(&token));
    (token, prefix, hash)
}

/// What a token of ours begins with; `None` where the text cannot be one.
fn prefix(shown: &str) -> Option<&str> {
    let is_ours = shown.len() == LENGTH && shown.is_ascii() && shown.starts_with(MARK);
    is_ours.then(|| &shown[..PREFIX])
}

/// What is kept of a token. It has 256 random bits, which nobody can try through: a slow or salted hash, as passwords
/// need, would protect nothing more, and cost every request.
fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
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
    !token.is_empty() && bool::from(hash(shown).as_slice().ct_eq(&hash(token)))
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

    #[test]
    fn a_made_token_is_found_by_its_prefix_and_told_by_its_hash() {
        let (token, shown, kept) = generate();
        assert_eq!(
            (token.len(), prefix(&token)),
            (LENGTH, Some(shown.as_str()))
        );
        assert_eq!(hash(&token), kept);
        assert_ne!(generate().0, token);
    }

    #[test]
    fn what_cannot_be_a_token_is_not_looked_for() {
        let token = generate().0;
        let other_mark = token.replacen("das_", "abc_", 1);
        let longer = format!("{token}x");
        let not_ascii = format!("das_\u{e9}{}", "x".repeat(LENGTH - MARK.len() - 2));
        for shown in [
            "",
            "das_",
            &token[..LENGTH - 1],
            &other_mark,
            &longer,
            &not_ascii,
        ] {
            assert_eq!(prefix(shown), None, "{shown}");
        }
    }
}
