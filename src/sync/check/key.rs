//! The key: whether Ashby takes it, and what it may do. Nothing is written to find out, so what only a write would prove
//! is said to be unproven where the key may not read about itself.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::Check;
use crate::{
    ashby::{AshbyClient, AshbyError, Disposition, ENDPOINTS, Endpoint, PageFrom},
    plan::reason::API_KEYS_MENU,
};

/// What the key itself turned out to be.
pub(in crate::sync) struct KeyFindings {
    pub(in crate::sync) checks: Vec<Check>,
    /// Why nothing can be sent with it.
    pub(in crate::sync) attention: Option<String>,
}

/// Tries the key: whether Ashby takes it, and which permissions it has. Fails only where Ashby could not be asked.
pub(in crate::sync) async fn key(client: &AshbyClient) -> Result<KeyFindings, AshbyError> {
    let mut findings = KeyFindings {
        checks: Vec::new(),
        attention: None,
    };
    let scopes = match client.api_key_info().await {
        Ok(info) => {
            findings
                .checks
                .push(Check::ok("ashby-key", "Ashby takes the key."));
            info.scopes
        }
        Err(error) => match error.disposition() {
            Disposition::Key {
                permission: Some(permission),
                ..
            } => {
                findings.checks.push(Check::warning(
                    "ashby-key",
                    format!("Ashby takes the key, but it may not read about itself ({permission})."),
                    format!("Grant it \u{201c}API Keys: read\u{201d} under {API_KEYS_MENU}, so that permissions can be checked in advance."),
                ));
                Vec::new()
            }
            Disposition::Key {
                permission: None, ..
            } => {
                findings.attention = Some(error.to_string());
                findings
                    .checks
                    .push(Check::fault("ashby-key", error.to_string(), key_remedy()));
                return Ok(findings);
            }
            _ => return Err(error),
        },
    };
    permissions(client, &scopes, &mut findings).await?;
    Ok(findings)
}

fn key_remedy() -> String {
    format!("Make a key under {API_KEYS_MENU} and set it as ashby_api_key of the connection.")
}

/// What is known of one right of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Right {
    Granted,
    Missing,
    /// Only a write would prove it, and a check writes nothing.
    Unproven,
}

/// The rights that endpoints need, each once, and the endpoints of each: of those that the work depends on, or of those that
/// only a setting asks for.
fn rights(needed: bool) -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut rights: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for Endpoint {
        name, permission, ..
    } in ENDPOINTS.into_iter().filter(|asked| asked.needed == needed)
    {
        // Reading about itself is a convenience, not a need.
        if permission != "apiKeys:read" {
            rights.entry(permission).or_default().push(name);
        }
    }
    rights
}

/// What the key says of itself, where it may, and a try of every endpoint that only reads.
async fn permissions(
    client: &AshbyClient,
    scopes: &[String],
    findings: &mut KeyFindings,
) -> Result<(), AshbyError> {
    let mut known: BTreeMap<&str, Right> = BTreeMap::new();
    for permission in rights(true).into_keys() {
        let is_listed = scopes
            .iter()
            .any(|scope| scope.eq_ignore_ascii_case(permission));
        let right = match (scopes.is_empty(), is_listed) {
            (true, _) => Right::Unproven,
            (false, true) => Right::Granted,
            (false, false) => Right::Missing,
        };
        known.insert(permission, right);
    }
    for (permission, refused) in tries(client).await {
        match refused.map(|error| (error.disposition(), error)) {
            // Ashby looks at the right before it looks at what is asked for.
            None | Some((Disposition::Permanent, _)) => {
                let right = known.entry(permission).or_insert(Right::Granted);
                if *right == Right::Unproven {
                    *right = Right::Granted;
                }
            }
            Some((
                Disposition::Key {
                    permission: Some(permission),
                    ..
                },
                _,
            )) => {
                known.insert(permission, Right::Missing);
            }
            Some((Disposition::Key { .. }, error)) => {
                findings.attention = Some(error.to_string());
                findings
                    .checks
                    .push(Check::fault("ashby-key", error.to_string(), key_remedy()));
                return Ok(());
            }
            Some((_, error)) => return Err(error),
        }
    }
    judge(&known, findings);
    findings.checks.extend(at_will(scopes));
    Ok(())
}

/// The rights that only settings ask for and that the key says it lacks. That is nothing to mend unless somebody wants to set
/// one: each decision that went without says so.
fn at_will(scopes: &[String]) -> impl Iterator<Item = Check> {
    let is_listed = |right: &str| scopes.iter().any(|scope| scope.eq_ignore_ascii_case(right));
    let says_which = !scopes.is_empty();
    let needed = rights(true);
    let lacked = rights(false)
        .into_iter()
        .filter(move |(right, _)| says_which && !needed.contains_key(right) && !is_listed(right));
    lacked.map(|(right, endpoints)| {
        let endpoints = endpoints.join(", ");
        let detail = format!(
            "{right} is not granted, and only settings ask for it (for {endpoints}): grant it under {API_KEYS_MENU} before you use them."
        );
        Check::ok("permission", detail)
    })
}

/// Asks what only reads, for each right that reading needs. An id that nobody has will do: to be told that there is no
/// such thing takes the right to look.
async fn tries(client: &AshbyClient) -> [(&'static str, Option<AshbyError>); 6] {
    let nobody = Uuid::nil().to_string();
    [
        ("hiringProcessMetadata:read", client.sources().await.err()),
        (
            "hiringProcessMetadata:read",
            client.archive_reasons().await.err(),
        ),
        (
            "candidates:read",
            client.candidates_page(&PageFrom::Start).await.err(),
        ),
        (
            "candidates:read",
            client.applications_page(&PageFrom::Start).await.err(),
        ),
        (
            "jobs:read",
            client.job_info(&nobody.as_str().into()).await.err(),
        ),
        (
            "interviews:read",
            client.interview_stages(&nobody.as_str().into()).await.err(),
        ),
    ]
}

/// A finding for each right, and one over all.
fn judge(known: &BTreeMap<&str, Right>, findings: &mut KeyFindings) {
    let of = |wanted: Right| -> Vec<&str> {
        let those = known.iter().filter(|(_, right)| **right == wanted);
        those.map(|(permission, _)| *permission).collect()
    };
    let (missing, unproven) = (
        of(Right::Missing).join(", "),
        of(Right::Unproven).join(", "),
    );
    if !missing.is_empty() {
        let detail = format!("The key lacks {missing}.");
        findings.attention = Some(detail.clone());
        let remedy = format!("Grant {missing} under {API_KEYS_MENU}, then check the connection.");
        findings
            .checks
            .push(Check::fault("permissions", detail, remedy));
    } else if !unproven.is_empty() {
        findings.checks.push(Check::warning(
            "permissions",
            format!("The key may read all that is needed; whether it has {unproven} could not be proven without writing."),
            format!("Grant it \u{201c}API Keys: read\u{201d} under {API_KEYS_MENU}, then check the connection."),
        ));
    } else {
        findings.checks.push(Check::ok(
            "permissions",
            "The key may do all that is needed.",
        ));
    }
    for (permission, endpoints) in rights(true) {
        let endpoints = endpoints.join(", ");
        findings.checks.push(match known.get(permission) {
            Some(Right::Granted) => Check::ok(
                "permission",
                format!("{permission} is granted, for {endpoints}."),
            ),
            Some(Right::Missing) => Check::fault(
                "permission",
                format!("{permission} is missing: {endpoints} would be refused."),
                format!("Grant {permission} under {API_KEYS_MENU}."),
            ),
            Some(Right::Unproven) | None => Check::warning(
                "permission",
                format!("{permission} could not be proven without writing; it is for {endpoints}."),
                format!("Look whether it is granted under {API_KEYS_MENU}."),
            ),
        });
    }
}
