//! Asking whether people are on the exclusion list.

use std::fmt;

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::imports::job_id;
use crate::{
    http::{
        api::connections::ConnectionPath,
        fields::{Fields, Readable},
        json::Body,
        place::At,
        problem::ApiError,
    },
    ids::{ConnectionId, DoverJobId},
    plan::{
        exclusion::{Exclusion, FoundBy},
        identity::IdentityKey,
    },
    sync::{
        Sync,
        exclude::{self, Somebody},
    },
};

/// How many people may be asked about at once.
const MAX_PEOPLE: usize = 1_000;
/// How many addresses or digests one of them may have.
const MAX_KEYS: usize = 20;
/// How long an address may be, in characters.
const MAX_ADDRESS: usize = 2_000;

/// People to be asked about.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "described here, read as `Question`")]
pub struct ExclusionQuestion {
    /// They. Each needs one of the fields by which somebody is known.
    #[schema(min_items = 1, max_items = 1000)]
    people: Vec<AskedPerson>,
    /// For which job, by its Dover id. Left out, lists for one job are not looked at.
    #[schema(min_length = 1, max_length = 200)]
    dover_job_id: Option<String>,
}

/// Somebody to be asked about.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AskedPerson {
    /// Their e-mail addresses.
    #[schema(max_items = 20)]
    emails: Option<Vec<String>>,
    /// Their LinkedIn profile.
    #[schema(max_length = 2000)]
    linkedin_url: Option<String>,
    /// SHA-256 in hexadecimal, of an e-mail address trimmed and in lower case, or of `linkedin.com/in/` and the name of the
    /// profile in lower case. Addresses need not be told then; rules about companies and domains see only what Ashby holds.
    #[schema(max_items = 20)]
    sha256: Option<Vec<String>>,
    /// Where they work.
    #[schema(max_length = 2000)]
    company: Option<String>,
}

impl fmt::Debug for AskedPerson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AskedPerson(redacted)")
    }
}

/// Somebody as they are asked about.
#[derive(Debug, Default)]
struct Asked {
    keys: Vec<IdentityKey>,
    digests: Vec<[u8; 32]>,
    company: Option<String>,
}

/// As [`ExclusionQuestion`], understood.
#[derive(Debug)]
pub struct Question {
    people: Vec<Asked>,
    job: Option<DoverJobId>,
}

impl Readable for Question {
    const FIELDS: &'static [&'static str] = &["people", "dover_job_id"];

    fn read(fields: &mut Fields) -> Option<Self> {
        let job = fields.text("dover_job_id", &(1..=200)).map(DoverJobId);
        let expected = format!("expected a list of 1 to {MAX_PEOPLE} people");
        let Some(Value::Array(given)) = fields.value("people") else {
            fields.fault("people", expected);
            return None;
        };
        if !(1..=MAX_PEOPLE).contains(&given.len()) {
            fields.fault("people", expected);
            return None;
        }
        let mut people = Vec::with_capacity(given.len());
        for (at, value) in given.into_iter().enumerate() {
            match asked(value) {
                Ok(asked) => people.push(asked),
                Err(why) => fields.fault_within("people", &at.to_string(), why),
            }
        }
        Some(Self { people, job })
    }
}

fn asked(value: Value) -> Result<Asked, String> {
    let given: AskedPerson = serde_json::from_value(value).map_err(|error| error.to_string())?;
    let (emails, digests) = (
        given.emails.unwrap_or_default(),
        given.sha256.unwrap_or_default(),
    );
    for (name, many) in [("emails", emails.len()), ("sha256", digests.len())] {
        if many > MAX_KEYS {
            return Err(format!("{name}: expected at most {MAX_KEYS} texts"));
        }
    }
    let texts = emails
        .iter()
        .chain(&given.linkedin_url)
        .chain(&given.company);
    if texts
        .into_iter()
        .any(|text| text.chars().count() > MAX_ADDRESS)
    {
        return Err(format!(
            "expected texts of at most {MAX_ADDRESS} characters"
        ));
    }
    let mut asked = Asked {
        company: given.company,
        ..Asked::default()
    };
    for address in emails {
        let key = IdentityKey::email(&address).filter(|_| address.contains('@'));
        asked
            .keys
            .push(key.ok_or("emails: expected e-mail addresses")?);
    }
    if let Some(address) = given.linkedin_url {
        let key = IdentityKey::linkedin(&address);
        asked.keys.push(key.ok_or(
            "linkedin_url: expected the address of a profile, such as https://www.linkedin.com/in/ada",
        )?);
    }
    for text in digests {
        let mut digest = [0; 32];
        hex::decode_to_slice(&text, &mut digest)
            .map_err(|_| "sha256: expected 64 hexadecimal digits")?;
        asked.digests.push(digest);
    }
    if asked.keys.is_empty() && asked.digests.is_empty() {
        return Err("expected emails, linkedin_url or sha256".to_owned());
    }
    Ok(asked)
}

/// What is known of the people that were asked about.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ExclusionAnswers {
    /// Each in its place.
    pub items: Vec<ExclusionAnswer>,
}

/// Whether somebody is on the exclusion list.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ExclusionAnswer {
    /// Whether they are.
    pub excluded: bool,
    /// The rule that puts them there, as `…/exclusions/rules` has it.
    #[schema(required)]
    pub rule: Option<String>,
    /// The name of the imported list that they stand on.
    #[schema(required)]
    pub list: Option<String>,
    /// The line of its file.
    #[schema(required)]
    pub line: Option<i64>,
    /// What matched: `email`, `linkedin` or `sha256`; `null` where what was told of them was enough for a rule.
    #[schema(required)]
    pub matched: Option<String>,
    /// Why, as a sentence.
    #[schema(required)]
    pub sentence: Option<String>,
}

impl ExclusionAnswer {
    fn of(exclusion: Option<Exclusion>) -> Self {
        let Some(exclusion) = exclusion else {
            return Self::default();
        };
        let sentence = exclusion.to_string();
        let found = Self {
            excluded: true,
            sentence: Some(sentence),
            ..Self::default()
        };
        match exclusion {
            Exclusion::Row { list, line, by, .. } => Self {
                list: Some(list),
                line: Some(line),
                matched: Some(word(by).to_owned()),
                ..found
            },
            Exclusion::Rule { hit, by, .. } => Self {
                rule: Some(hit.word().to_owned()),
                matched: by.map(|by| word(by).to_owned()),
                ..found
            },
        }
    }
}

const fn word(by: FoundBy) -> &'static str {
    match by {
        FoundBy::Email => "email",
        FoundBy::Linkedin => "linkedin",
        FoundBy::Sha256 => "sha256",
    }
}

/// Ask about people
///
/// Whether each would be left alone if Dover named them now, and why. Nothing is kept of the question.
#[utoipa::path(
    post, path = "/v1/connections/{connection}/exclusions/check", operation_id = "checkExclusions", tag = "Exclusions",
    params(ConnectionPath),
    request_body = ExclusionQuestion,
    responses((status = 200, description = "An answer for each.", body = ExclusionAnswers))
)]
pub async fn check(
    State(sync): State<Sync>,
    At(connection): At,
    Body(question): Body<Question>,
) -> Result<Json<ExclusionAnswers>, ApiError> {
    let job = match question.job {
        Some(named) => Some(job_id(&sync, connection.id, named).await?),
        None => None,
    };
    let people = question.people.into_iter();
    let people: Vec<Somebody> = people
        .map(|asked| somebody(&sync, connection.id, asked, job.as_ref()))
        .collect();
    let found = exclude::ask(&sync, connection.id, &people).await?;
    Ok(Json(ExclusionAnswers {
        items: found.into_iter().map(ExclusionAnswer::of).collect(),
    }))
}

fn somebody(
    sync: &Sync,
    connection: ConnectionId,
    asked: Asked,
    job: Option<&DoverJobId>,
) -> Somebody {
    let known = Somebody::new(sync, connection, &asked.keys, job).at(asked.company);
    let digests = asked.digests.iter();
    digests.fold(known, |known, digest| {
        known.with_digest(sync, connection, digest)
    })
}
