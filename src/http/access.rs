//! Who may do what: one table of every operation with the least role that it takes. An operation that is not in it is for
//! admins alone, and a test holds that each one is in it.
//!
//! A token may be bound to one connection. What lies under another is not there for it: 404, as for a name that nobody
//! has. What concerns the whole installation is refused: 403.

use axum::{
    extract::{FromRequestParts, MatchedPath, RawPathParams},
    http::{Method, request::Parts},
};

use super::{
    auth::Caller,
    problem::{ApiError, Code},
};
use crate::store::token::Role::{self, Admin, Member, Monitor};

/// An operation with the least role that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The method. `HEAD` goes with `GET`.
    pub method: &'static str,
    /// The path, with its parameters in braces.
    pub path: &'static str,
    /// The least role.
    pub least: Role,
}

const fn rule(method: &'static str, path: &'static str, least: Role) -> Rule {
    Rule {
        method,
        path,
        least,
    }
}

/// Who may do what.
#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    // Only where `GUARD_MONITORING` is set; else they are for everybody.
    rule("get",    "/health", Monitor),
    rule("get",    "/metrics", Monitor),
    rule("get",    "/v1/tokens", Admin),
    rule("post",   "/v1/tokens", Admin),
    rule("get",    "/v1/tokens/{token}", Admin),
    rule("delete", "/v1/tokens/{token}", Admin),
    rule("get",    "/v1/bootstrap-token", Admin),
    rule("patch",  "/v1/bootstrap-token", Admin),
    // Whoever is bound to a connection sees that one.
    rule("get",    "/v1/connections", Member),
    rule("post",   "/v1/connections", Admin),
    rule("get",    "/v1/connections/{connection}", Member),
    rule("patch",  "/v1/connections/{connection}", Admin),
    rule("delete", "/v1/connections/{connection}", Admin),
    rule("post",   "/v1/connections/{connection}/check", Member),
    rule("post",   "/v1/connections/{connection}/pause", Admin),
    rule("post",   "/v1/connections/{connection}/resume", Admin),
    rule("post",   "/v1/connections/{connection}/webhook-secret/rotate", Admin),
    rule("post",   "/v1/connections/{connection}/ashby-webhook-secret/rotate", Admin),
    rule("get",    "/v1/connections/{connection}/settings", Member),
    rule("patch",  "/v1/connections/{connection}/settings", Admin),
    // What is locked, a member changes nowhere.
    rule("get",    "/v1/connections/{connection}/settings/locks", Member),
    rule("patch",  "/v1/connections/{connection}/settings/locks", Admin),
    rule("get",    "/v1/connections/{connection}/field-map", Member),
    rule("put",    "/v1/connections/{connection}/field-map", Admin),
    rule("get",    "/v1/connections/{connection}/users/{user}/settings", Member),
    rule("patch",  "/v1/connections/{connection}/users/{user}/settings", Member),
    rule("get",    "/v1/connections/{connection}/audit", Member),
    rule("get",    "/v1/connections/{connection}/jobs", Member),
    rule("post",   "/v1/connections/{connection}/jobs", Admin),
    rule("get",    "/v1/connections/{connection}/jobs/{job}", Member),
    rule("patch",  "/v1/connections/{connection}/jobs/{job}", Admin),
    rule("delete", "/v1/connections/{connection}/jobs/{job}", Admin),
    rule("get",    "/v1/connections/{connection}/jobs/{job}/settings", Member),
    rule("patch",  "/v1/connections/{connection}/jobs/{job}/settings", Member),
    rule("get",    "/v1/connections/{connection}/deliveries", Member),
    rule("post",   "/v1/connections/{connection}/deliveries/replay", Admin),
    rule("get",    "/v1/connections/{connection}/deliveries/{delivery}", Member),
    rule("post",   "/v1/connections/{connection}/deliveries/{delivery}/replay", Member),
    rule("get",    "/v1/connections/{connection}/prospects", Member),
    rule("get",    "/v1/connections/{connection}/prospects/{prospect}", Member),
    rule("get",    "/v1/connections/{connection}/prospects/{prospect}/explain", Member),
    rule("post",   "/v1/connections/{connection}/prospects/{prospect}/resync", Member),
    rule("delete", "/v1/connections/{connection}/prospects/{prospect}/personal-data", Admin),
    rule("get",    "/v1/connections/{connection}/erasures", Admin),
    rule("delete", "/v1/connections/{connection}/erasures/{erasure}", Admin),
    rule("get",    "/v1/connections/{connection}/exclusions/imports", Admin),
    rule("post",   "/v1/connections/{connection}/exclusions/imports", Admin),
    rule("get",    "/v1/connections/{connection}/exclusions/imports/{import}", Admin),
    rule("delete", "/v1/connections/{connection}/exclusions/imports/{import}", Admin),
    rule("post",   "/v1/connections/{connection}/exclusions/imports/{import}/commit", Admin),
    rule("get",    "/v1/connections/{connection}/exclusions/rules", Member),
    rule("put",    "/v1/connections/{connection}/exclusions/rules", Admin),
    rule("post",   "/v1/connections/{connection}/exclusions/check", Member),
    rule("get",    "/v1/connections/{connection}/exclusions/export", Admin),
    rule("get",    "/v1/connections/{connection}/reports/parked", Member),
    rule("get",    "/v1/connections/{connection}/flushes", Member),
    rule("post",   "/v1/connections/{connection}/flushes", Member),
    rule("get",    "/v1/connections/{connection}/flushes/preview", Member),
    rule("get",    "/v1/connections/{connection}/flushes/{flush}", Member),
    rule("get",    "/v1/connections/{connection}/flushes/{flush}/preview", Member),
    rule("post",   "/v1/connections/{connection}/flushes/{flush}/approve", Admin),
    rule("post",   "/v1/connections/{connection}/flushes/{flush}/refuse", Admin),
    rule("get",    "/v1/connections/{connection}/flushes/{flush}/undo", Member),
    rule("post",   "/v1/connections/{connection}/flushes/{flush}/undo", Admin),
];

/// Shows whoever is bound to a connection what is theirs, and nothing else.
const SHOWS_WHAT_IS_THEIRS: &str = "/v1/connections";

/// What catches the paths under which there is nothing, for whoever asks.
const NOTHING: [&str; 3] = ["/v1", "/v1/", "/v1/{*rest}"];

/// The least role that an operation takes.
pub fn least(method: &str, path: &str) -> Role {
    let found = RULES
        .iter()
        .find(|rule| rule.path == path && rule.method.eq_ignore_ascii_case(method));
    found.map_or(Admin, |rule| rule.least)
}

/// Whether who asks may do what the request is for.
pub(super) async fn check(caller: &Caller, parts: &mut Parts) -> Result<(), ApiError> {
    let path = parts.extensions.get::<MatchedPath>().cloned();
    let path = path.as_ref().map_or("", MatchedPath::as_str);
    if NOTHING.contains(&path) {
        return Ok(());
    }
    if let Some((_, bound_to)) = &caller.bound_to {
        let named = RawPathParams::from_request_parts(parts, &()).await.ok();
        let named = named.as_ref().and_then(|params| {
            let mut params = params.iter();
            params.find(|(name, _)| *name == "connection")
        });
        match named {
            Some((_, name)) if name != bound_to => return Err(ApiError::not_found("connection")),
            Some(_) => {}
            None if parts.method == Method::GET && path == SHOWS_WHAT_IS_THEIRS => {}
            None => return Err(beyond(bound_to)),
        }
    }
    let method = if parts.method == Method::HEAD {
        Method::GET
    } else {
        parts.method.clone()
    };
    let least = least(method.as_str(), path);
    if caller.role >= least {
        Ok(())
    } else {
        Err(forbidden(caller.role, least))
    }
}

fn beyond(bound_to: &str) -> ApiError {
    ApiError::new(
        Code::Forbidden,
        format!(
            "This token is bound to the connection {bound_to}, and opens nothing beyond it. Use one that is not bound."
        ),
    )
}

/// The bearer's role does not take it.
pub(super) fn forbidden(role: Role, least: Role) -> ApiError {
    ApiError::new(
        Code::Forbidden,
        format!(
            "The role {} may not do this; it takes the role {}. Use another token, or ask an admin.",
            role.word(),
            least.word()
        ),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::http::openapi;

    /// Every operation of the document that takes a token.
    fn guarded() -> BTreeSet<(String, String)> {
        let paths = openapi::value()["paths"].as_object().unwrap();
        let operations = paths.iter().flat_map(|(path, item)| {
            let item = item.as_object().unwrap().iter();
            item.filter(|(_, operation)| operation["security"] != Value::Array(Vec::new()))
                .filter(|(_, operation)| operation["operationId"].is_string())
                .map(|(method, _)| (method.clone(), path.clone()))
        });
        let sends = |(_, path): &(String, String)| !path.starts_with("/webhooks/");
        operations.filter(sends).collect()
    }

    #[test]
    fn the_table_names_every_operation_and_no_other_once() {
        let named = RULES.iter();
        let named: BTreeSet<_> = named
            .map(|rule| (rule.method.to_owned(), rule.path.to_owned()))
            .collect();
        assert_eq!(named.len(), RULES.len());
        assert_eq!(named, guarded());
    }

    /// The table as `docs/roles.md` has it.
    fn printed() -> String {
        let mark = |may: bool| if may { "yes" } else { "" };
        let rows = RULES.iter().map(|rule| {
            let Rule {
                method,
                path,
                least,
            } = rule;
            let [monitor, member] = [Monitor, Member].map(|role| mark(role >= *least));
            format!(
                "| `{}` | `{path}` | {monitor} | {member} | yes |\n",
                method.to_uppercase()
            )
        });
        rows.collect()
    }

    #[test]
    fn the_docs_have_the_table() {
        let page = include_str!("../../docs/roles.md");
        assert!(page.contains(&printed()), "{}", printed());
    }

    #[test]
    fn what_is_not_in_the_table_is_for_admins() {
        assert_eq!(least("get", "/v1/later"), Admin);
        assert_eq!(least("put", "/v1/connections"), Admin);
    }

    #[test]
    fn each_role_may_do_what_those_below_it_may() {
        assert!(Admin > Member && Member > Monitor);
    }

    #[test]
    fn a_monitor_may_see_nothing_of_anybody() {
        let theirs = RULES.iter().filter(|rule| rule.least == Monitor);
        assert!(theirs.clone().all(|rule| !rule.path.starts_with("/v1")));
        assert_eq!(theirs.count(), 2);
    }
}
