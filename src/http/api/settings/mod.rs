//! What can be set for a connection, a job or a user: read with where each value comes from, and changed key by key, after
//! a preview where one is asked for.

pub mod locks;
mod shape;

use axum::{Json, extract::State};
use serde_json::{Map, Value};
use utoipa::IntoParams;

pub use shape::*;

use super::{
    connections::ConnectionPath,
    flushes::may_act,
    jobs::{self, JobPath},
};
use crate::{
    http::{
        auth::Caller,
        fields::{Fields, Readable, stranger},
        json::{Body, Query},
        place::{At, Within},
        problem::ApiError,
        rehearsal::OnlyPreview,
    },
    plan::{
        notes::{Event, Template, TemplateFault, Variable},
        settings::keys::{KEYS, Key, Takes},
    },
    store::{connection::Connection, setting::Whose},
    sync::{Sync, settings},
};

/// As long as the title of a stage may be.
const MAX_STAGE: usize = 1_000;
/// How many names of interview stages a job may give a meaning.
const MAX_NAMES: usize = 200;

/// As [`SettingsChange`], understood.
#[derive(Debug)]
pub struct Change(Map<String, Value>);

impl Readable for Change {
    const FIELDS: &'static [&'static str] = &names();

    fn read(fields: &mut Fields) -> Option<Self> {
        let given = KEYS
            .iter()
            .filter_map(|key| Some((key.name.to_owned(), value(fields, key)?)));
        Some(Self(given.collect()))
    }
}

const fn names() -> [&'static str; KEYS.len()] {
    let mut names = [""; KEYS.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = KEYS[at].name;
        at += 1;
    }
    names
}

/// What a key is to be. `None`: it was left out, or what was given is a fault.
fn value(fields: &mut Fields, key: &Key) -> Option<Value> {
    if fields.is_null(key.name) {
        return Some(Value::Null);
    }
    match &key.takes {
        Takes::Count(range) => {
            let range = i64::from(*range.start())..=i64::from(*range.end());
            fields.number(key.name, &range).map(Value::from)
        }
        Takes::Share(range) => fields.decimal(key.name, range).map(Value::from),
        Takes::Flag => fields.flag(key.name).map(Value::from),
        Takes::Text(most) => {
            let text = fields.is_given(key.name);
            let text = text.then(|| fields.name(key.name, &(1..=*most)));
            text.flatten().map(Value::from)
        }
        Takes::Word(words) => {
            let words: Vec<_> = words.iter().map(|word| (*word, *word)).collect();
            fields.word(key.name, &words).map(Value::from)
        }
        Takes::Stage { .. } => {
            let text = fields.is_given(key.name);
            let text = text.then(|| fields.name(key.name, &(1..=MAX_STAGE)));
            text.flatten().map(Value::from)
        }
        Takes::Stages => stages(fields, key.name),
        Takes::Words(words) => fields.words(key.name, words).map(Value::from),
        Takes::Templates => templates(fields, key.name),
        Takes::FieldMap => {
            if fields.value(key.name).is_some() {
                fields.fault(
                    key.name,
                    "is part of the field map: set it with PUT \u{2026}/field-map",
                );
            }
            None
        }
    }
}

/// Events, each with what a note upon it says.
fn templates(fields: &mut Fields, name: &str) -> Option<Value> {
    let given = fields.value(name)?;
    let Value::Object(templates) = given else {
        let expected = "expected an object: events, each with what a note upon it says";
        fields.fault(name, expected);
        return None;
    };
    let mut is_good = true;
    for (event, text) in &templates {
        let wrong = match (Event::parse(event), text.as_str()) {
            (None, _) => Some(stranger(event, &Event::WORDS)),
            (Some(_), None) => Some("expected a text".to_owned()),
            (Some(_), Some(text)) if text.contains('\0') => {
                Some("expected a text without NUL".to_owned())
            }
            (Some(_), Some(text)) => Template::parse(text).err().map(|fault| match &fault {
                TemplateFault::UnknownVariable(name) => stranger(name, Variable::NAMES),
                fault => fault.to_string(),
            }),
        };
        if let Some(wrong) = wrong {
            fields.fault_within(name, event, wrong);
            is_good = false;
        }
    }
    is_good.then_some(Value::Object(templates))
}

/// Names of Dover's, each with a stage.
fn stages(fields: &mut Fields, name: &str) -> Option<Value> {
    let given = fields.value(name)?;
    let fits = |text: &str| {
        let length = text.chars().count();
        (1..=MAX_STAGE).contains(&length) && !text.contains('\0')
    };
    let Value::Object(stages) = given else {
        fields.fault(
            name,
            "expected an object: names of Dover's, each with a stage",
        );
        return None;
    };
    if stages.len() > MAX_NAMES {
        fields.fault(name, format!("expected at most {MAX_NAMES} names"));
        return None;
    }
    for (entry, stage) in &stages {
        let is_name = fits(entry) && !crate::plan::policy::plain(entry).is_empty();
        if !is_name || !stage.as_str().is_some_and(fits) {
            fields.fault_within(
                name,
                entry,
                "expected a name with the id or title of a stage",
            );
            return None;
        }
    }
    Some(Value::Object(stages))
}

/// Whether to do it.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read as `OnlyPreview`")]
pub struct ChangeParams {
    /// Only show what it would come to: the settings as they would be, and who would be decided differently by the next
    /// flush.
    #[param(required = false, default = false)]
    preview: bool,
}

/// The path of a user.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "described here, read by `Within`")]
pub struct UserPath {
    /// The user: the e-mail address that Dover gives as `owner.email`, percent-encoded.
    #[param(min_length = 3, max_length = 320, example = "sourcer@example.com")]
    user: String,
}

/// Read the settings
///
/// Every key with the value in force for the connection, where it comes from, whether it is locked, and its last change.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/settings", operation_id = "readSettings", tag = "Settings",
    params(ConnectionPath),
    responses((status = 200, description = "The settings in force.", body = SettingsBody))
)]
pub async fn read(
    State(sync): State<Sync>,
    At(connection): At,
) -> Result<Json<SettingsBody>, ApiError> {
    in_force(&sync, &connection, &Whose::Connection).await
}

/// Change settings
///
/// For the connection as a whole. They count from the next flush on; whoever waits for another value goes on with it. Every
/// change is kept in the audit. With `preview=true` nothing is changed.
#[utoipa::path(
    patch, path = "/v1/connections/{connection}/settings", operation_id = "changeSettings", tag = "Settings",
    params(ConnectionPath, ChangeParams),
    request_body = SettingsChange,
    responses((status = 200, description = "The settings now in force, or a preview.", body = SettingsBody))
)]
pub async fn change(
    State(sync): State<Sync>,
    caller: Caller,
    At(connection): At,
    Query(OnlyPreview(is_preview)): Query<OnlyPreview>,
    Body(wanted): Body<Change>,
) -> Result<Json<SettingsBody>, ApiError> {
    changed(
        &sync,
        &connection,
        &Whose::Connection,
        &wanted,
        is_preview,
        &caller,
    )
    .await
}

/// Read the settings of a job
///
/// Every key with the value in force for the job, whether it was set for the job or for the connection.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/jobs/{job}/settings", operation_id = "readJobSettings", tag = "Settings",
    params(ConnectionPath, JobPath),
    responses((status = 200, description = "The settings in force.", body = SettingsBody))
)]
pub async fn read_job(
    State(sync): State<Sync>,
    Within(connection, job): Within,
) -> Result<Json<SettingsBody>, ApiError> {
    let whose = whose_job(&sync, &connection, &job).await?;
    in_force(&sync, &connection, &whose).await
}

/// Change settings of a job
///
/// They outweigh the connection's. Stages are given by their ids or titles, and checked against the job's interview plan;
/// `warnings` tells where two things of Dover's come to mean the same stage.
#[utoipa::path(
    patch, path = "/v1/connections/{connection}/jobs/{job}/settings", operation_id = "changeJobSettings",
    tag = "Settings",
    params(ConnectionPath, JobPath, ChangeParams),
    request_body = SettingsChange,
    responses((status = 200, description = "The settings now in force, or a preview.", body = SettingsBody))
)]
pub async fn change_job(
    State(sync): State<Sync>,
    caller: Caller,
    Within(connection, job): Within,
    Query(OnlyPreview(is_preview)): Query<OnlyPreview>,
    Body(wanted): Body<Change>,
) -> Result<Json<SettingsBody>, ApiError> {
    let whose = whose_job(&sync, &connection, &job).await?;
    changed(&sync, &connection, &whose, &wanted, is_preview, &caller).await
}

/// Read a user's settings
///
/// What is in force for the prospects whose `owner.email` is theirs, as far as no job says otherwise.
#[utoipa::path(
    get, path = "/v1/connections/{connection}/users/{user}/settings", operation_id = "readUserSettings", tag = "Settings",
    params(ConnectionPath, UserPath),
    responses((status = 200, description = "The settings in force.", body = SettingsBody))
)]
pub async fn read_user(
    State(sync): State<Sync>,
    Within(connection, user): Within,
) -> Result<Json<SettingsBody>, ApiError> {
    in_force(&sync, &connection, &whose_user(&user)?).await
}

/// Change a user's settings
///
/// Their own defaults, for the prospects whose `owner.email` is theirs. They outweigh those of the connection and of the
/// job; only keys that are a user's to choose can be set.
#[utoipa::path(
    patch, path = "/v1/connections/{connection}/users/{user}/settings", operation_id = "changeUserSettings",
    tag = "Settings",
    params(ConnectionPath, UserPath, ChangeParams),
    request_body = SettingsChange,
    responses((status = 200, description = "The settings now in force, or a preview.", body = SettingsBody))
)]
pub async fn change_user(
    State(sync): State<Sync>,
    caller: Caller,
    Within(connection, user): Within,
    Query(OnlyPreview(is_preview)): Query<OnlyPreview>,
    Body(wanted): Body<Change>,
) -> Result<Json<SettingsBody>, ApiError> {
    changed(
        &sync,
        &connection,
        &whose_user(&user)?,
        &wanted,
        is_preview,
        &caller,
    )
    .await
}

async fn whose_job(sync: &Sync, connection: &Connection, job: &str) -> Result<Whose, ApiError> {
    let found = jobs::find(sync, connection.id, job).await?;
    Ok(Whose::Job(found.dover_job_id))
}

fn whose_user(text: &str) -> Result<Whose, ApiError> {
    let user = settings::user(text);
    user.map(Whose::User)
        .ok_or_else(|| ApiError::not_found("user"))
}

async fn in_force(
    sync: &Sync,
    connection: &Connection,
    whose: &Whose,
) -> Result<Json<SettingsBody>, ApiError> {
    let shown = settings::shown(sync, connection.id, whose).await?;
    let shown = shown.ok_or_else(|| ApiError::not_found("job"))?;
    Ok(Json(SettingsBody::of(shown)))
}

async fn changed(
    sync: &Sync,
    connection: &Connection,
    whose: &Whose,
    Change(wanted): &Change,
    is_preview: bool,
    caller: &Caller,
) -> Result<Json<SettingsBody>, ApiError> {
    if is_preview {
        may_act(connection)?;
        let what_if = settings::preview(sync, connection, whose, wanted, &caller.who()).await?;
        return Ok(Json(SettingsBody::previewed(sync, what_if).await?));
    }
    settings::change(sync, connection.id, whose, wanted, &caller.who()).await?;
    in_force(sync, connection, whose).await
}
