//! The rules by which the exclusion list keeps itself from what Ashby holds.

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    http::{
        api::connections::ConnectionPath,
        auth::Caller,
        fields::{Fields, Readable},
        json::Body,
        place::At,
        problem::ApiError,
    },
    plan::exclusion::{Rules, folded},
    store::{self, exclusion::InForce},
    sync::Sync,
};

/// How many words a rule takes.
const MAX_WORDS: usize = 500;
/// How long each may be, in characters.
const MAX_WORD: usize = 200;
/// The longest window, in months.
const MAX_MONTHS: i64 = 240;

/// What in Ashby puts somebody on the exclusion list. What is left out is off.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ExclusionRules {
    /// An application in a Lead or an active stage, on whatever job.
    #[schema(nullable)]
    #[serde(default)]
    pub in_process: bool,
    /// An application that ended in a hire.
    #[schema(nullable)]
    #[serde(default)]
    pub hired: bool,
    /// An application that was archived within so many months.
    #[schema(minimum = 1, maximum = 240)]
    #[serde(default)]
    pub archived_within_months: Option<u32>,
    /// The cool-down window: an application that was changed within so many months, whatever became of it.
    #[schema(minimum = 1, maximum = 240)]
    #[serde(default)]
    pub cool_down_months: Option<u32>,
    /// One of these tags in Ashby, by title: *Do not contact*, say. Capitals do not matter.
    #[schema(max_items = 500, nullable)]
    #[serde(default)]
    pub tags: Vec<String>,
    /// One of these companies, as Ashby or Dover has it. Capitals do not matter.
    #[schema(max_items = 500, nullable)]
    #[serde(default)]
    pub companies: Vec<String>,
    /// An e-mail address at one of these domains, or below it.
    #[schema(max_items = 500, nullable)]
    #[serde(default)]
    pub email_domains: Vec<String>,
    /// When they were last changed; `null` where nobody has set any. May be sent back as it was read, and is not looked at.
    #[schema(read_only)]
    #[serde(default)]
    pub changed_at: Option<DateTime<Utc>>,
    /// By whom. May be sent back as it was read, and is not looked at.
    #[schema(read_only)]
    #[serde(default)]
    pub changed_by: Option<String>,
}

impl From<InForce> for ExclusionRules {
    fn from(InForce { rules, changed }: InForce) -> Self {
        let (changed_at, changed_by) = changed.map(|it| (it.at, it.by)).unzip();
        Self {
            changed_at,
            changed_by,
            in_process: rules.in_process,
            hired: rules.hired,
            archived_within_months: rules.archived_within_months,
            cool_down_months: rules.cool_down_months,
            tags: rules.tags,
            companies: rules.companies,
            email_domains: rules.email_domains,
        }
    }
}

/// The rules that a body asks for.
#[derive(Debug)]
pub struct Asked(Rules);

impl Readable for Asked {
    const FIELDS: &'static [&'static str] = &[
        "in_process",
        "hired",
        "archived_within_months",
        "cool_down_months",
        "tags",
        "companies",
        "email_domains",
        "changed_at",
        "changed_by",
    ];

    fn read(fields: &mut Fields) -> Option<Self> {
        for told in ["changed_at", "changed_by"] {
            fields.value(told);
        }
        let months = |fields: &mut Fields, name: &str| {
            let months = fields.number(name, &(1..=MAX_MONTHS))?;
            u32::try_from(months).ok()
        };
        let rules = Rules {
            in_process: fields.flag("in_process").unwrap_or_default(),
            hired: fields.flag("hired").unwrap_or_default(),
            archived_within_months: months(fields, "archived_within_months"),
            cool_down_months: months(fields, "cool_down_months"),
            tags: words(fields, "tags", |_| true),
            companies: words(fields, "companies", |_| true),
            email_domains: words(fields, "email_domains", is_domain),
        };
        Some(Self(rules))
    }
}

/// A list of words that are not blank, without those that say the same.
fn words(fields: &mut Fields, name: &str, is_one: fn(&str) -> bool) -> Vec<String> {
    let Some(value) = fields.value(name) else {
        return Vec::new();
    };
    let Value::Array(given) = value else {
        fields.fault(name, "expected a list of texts");
        return Vec::new();
    };
    if given.len() > MAX_WORDS {
        fields.fault(name, format!("expected at most {MAX_WORDS} texts"));
    }
    let mut words: Vec<String> = Vec::new();
    for (at, value) in given.iter().take(MAX_WORDS).enumerate() {
        let word = value.as_str().map(str::trim);
        let fits = |word: &&str| {
            (1..=MAX_WORD).contains(&word.chars().count()) && !word.contains('\0') && is_one(word)
        };
        match word.filter(fits) {
            Some(word) if words.iter().any(|known| folded(known) == folded(word)) => {}
            Some(word) => words.push(word.to_owned()),
            None => fields.fault_within(
                name,
                &at.to_string(),
                if name == "email_domains" {
                    "expected a domain, such as example.com"
                } else {
                    "expected a text of 1 to 200 characters"
                },
            ),
        }
    }
    words
}

fn is_domain(word: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .chars()
                .all(|char| char.is_alphanumeric() || char == '-')
    };
    word.contains('.') && word.split('.').all(is_label)
}

/// Read the rules of the exclusion list
///
/// All are off until somebody sets them.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/exclusions/rules", operation_id = "readExclusionRules", tag = "Exclusions",
    params(ConnectionPath),
    responses((status = 200, description = "The rules.", body = ExclusionRules))
)]
pub async fn read_rules(
    State(sync): State<Sync>,
    At(connection): At,
) -> Result<Json<ExclusionRules>, ApiError> {
    let in_force = store::exclusion::rules(&sync.pool, connection.id).await?;
    Ok(Json(in_force.into()))
}

/// Set the rules of the exclusion list
///
/// All of them: what is left out is off. They count from the next decision on, and whoever was left alone so far is decided
/// again. Applications that are linked already go on. What is as it was changes nothing, and nobody is decided again.
#[utoipa::path(
    put, path = "/v1/connections/{connection}/exclusions/rules", operation_id = "setExclusionRules", tag = "Exclusions",
    params(ConnectionPath),
    request_body = ExclusionRules,
    responses((status = 200, description = "The rules now in force.", body = ExclusionRules))
)]
pub async fn set_rules(
    State(sync): State<Sync>,
    At(connection): At,
    caller: Caller,
    Body(Asked(rules)): Body<Asked>,
) -> Result<Json<ExclusionRules>, ApiError> {
    let mut tx = sync.pool.begin().await?;
    let by = caller.at(sync.clock.now());
    if store::exclusion::set_rules(&mut tx, connection.id, &rules, by).await? {
        store::exclusion::release(&mut *tx, connection.id).await?;
    }
    let in_force = store::exclusion::rules(&mut *tx, connection.id).await?;
    tx.commit().await?;
    Ok(Json(in_force.into()))
}
