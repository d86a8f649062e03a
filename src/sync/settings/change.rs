//! Changes settings and locks: whether it may be done, whether it makes sense, and what follows.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use sqlx::PgConnection;

use super::{Sync, SyncError, layers_of, lets_go, scope};
use crate::{
    dover::payload::Fault,
    ids::ConnectionId,
    plan::{
        fields::{self, Catalogue, Variable},
        policy::Policy,
        settings::{
            keys::{ALLOW_HIRED, Key, Takes, key},
            layers::{self, Held},
            locks::Who,
        },
        situation::{PlanStage, StageKind},
    },
    store::{
        self, StoreError,
        audit::{By, Edit},
        setting::{AllSet, Whose},
    },
    sync::lease::Stop,
};

/// Why a change was refused.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// A key is locked, and whoever asks is no admin.
    #[error("{key} is locked, as {lock} is")]
    Locked {
        /// The key.
        key: &'static str,
        /// The lock: the key itself, or its group.
        lock: String,
    },
    /// Only an admin locks and unlocks.
    #[error("only an admin locks and unlocks")]
    NotAnAdmin,
    /// Something makes no sense; each fault names the key.
    #[error("{} keys cannot be set so", .0.len())]
    Faults(Vec<Fault>),
    /// The job is not registered, or the connection is gone.
    #[error("{0} is gone")]
    Gone(&'static str),
    /// The database, or Ashby, is away.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// What had to be looked at in Ashby for a preview could not be.
    #[error("a preview was not to be had: {0:?}")]
    Stopped(Stop),
}

impl From<Stop> for ChangeError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Broken(error) => Self::Sync(error),
            stop => Self::Stopped(stop),
        }
    }
}

impl From<StoreError> for ChangeError {
    fn from(error: StoreError) -> Self {
        Self::Sync(error.into())
    }
}

impl From<sqlx::Error> for ChangeError {
    fn from(error: sqlx::Error) -> Self {
        Self::Sync(error.into())
    }
}

/// A change that may be made and makes sense.
#[derive(Debug)]
pub struct Changed {
    /// What differs from before.
    pub edits: Vec<Edit<'static>>,
    /// Everything that was set before.
    pub before: AllSet,
    /// Everything that is set then.
    pub after: AllSet,
}

/// Sets keys for somebody; `null` takes a value back. They count from the next flush on, and whoever waits for another value
/// of theirs goes on.
pub async fn change(
    sync: &Sync,
    connection: ConnectionId,
    whose: &Whose,
    wanted: &Map<String, Value>,
    who: &Who,
) -> Result<(), ChangeError> {
    look_at_fields(sync, connection, wanted).await?;
    let mut tx = sync.pool.begin().await?;
    let Changed { edits, .. } = check(sync, &mut tx, connection, whose, wanted, who).await?;
    if !edits.is_empty() {
        let by = by(sync, who);
        store::setting::set(&mut tx, connection, whose, &edits, by).await?;
        let reasons = lets_go(edits.iter().map(|edit| edit.key));
        store::waiting::release_for_setting(&mut *tx, connection, &scope(whose), &reasons).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Locks keys and groups (`true`), or unlocks them.
pub async fn lock(
    sync: &Sync,
    connection: ConnectionId,
    wanted: &[(&'static str, bool)],
    who: &Who,
) -> Result<(), ChangeError> {
    if !who.is_admin {
        return Err(ChangeError::NotAnAdmin);
    }
    let mut tx = sync.pool.begin().await?;
    alone(&mut tx, connection).await?;
    let locked = store::setting::locked(&mut *tx, connection).await?;
    let mut edits = Vec::new();
    for (name, is_to_be) in wanted {
        let is = locked.iter().any(|lock| lock == name);
        if is != *is_to_be {
            let state = |is: bool| is.then(|| json!(true));
            edits.push(Edit {
                key: name,
                before: state(is),
                after: state(*is_to_be),
            });
        }
    }
    if !edits.is_empty() {
        store::setting::set_locks(&mut tx, connection, &edits, by(sync, who)).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Reads the custom fields afresh where some are about to be named: one may have been made a moment ago.
pub(super) async fn look_at_fields(
    sync: &Sync,
    connection: ConnectionId,
    wanted: &Map<String, Value>,
) -> Result<(), SyncError> {
    let names = [fields::MAP, fields::DISPLAYED];
    let is_named = |name: &&str| wanted.get(*name).is_some_and(|value| !value.is_null());
    if names.iter().any(is_named) {
        crate::sync::fields::refresh(sync, connection).await?;
    }
    Ok(())
}

fn by<'a>(sync: &Sync, who: &'a Who) -> By<'a> {
    By {
        name: &who.name,
        at: sync.clock.now(),
    }
}

/// Keeps others from changing settings meanwhile.
async fn alone(tx: &mut PgConnection, connection: ConnectionId) -> Result<(), ChangeError> {
    if store::setting::lock(tx, connection).await? {
        Ok(())
    } else {
        Err(ChangeError::Gone("connection"))
    }
}

/// Whether a change may be made and makes sense, and what it comes to.
pub(super) async fn check(
    sync: &Sync,
    tx: &mut PgConnection,
    connection: ConnectionId,
    whose: &Whose,
    wanted: &Map<String, Value>,
    who: &Who,
) -> Result<Changed, ChangeError> {
    alone(tx, connection).await?;
    let stages = match whose {
        Whose::Job(job) => {
            let found = store::job::find(&mut *tx, connection, job.as_str()).await?;
            found.ok_or(ChangeError::Gone("job"))?.stages
        }
        Whose::Connection | Whose::User(_) => Arc::default(),
    };
    let catalogue = store::field::catalogue(&mut *tx, connection).await?;
    let catalogue = catalogue.map(|read| read.fields).unwrap_or_default();
    let wanted: Vec<(&'static Key, &Value)> = wanted
        .iter()
        .filter_map(|(name, value)| Some((key(name)?, value)))
        .collect();
    let locked = store::setting::locked(&mut *tx, connection).await?;
    for (key, _) in &wanted {
        if let Some(lock) = who.kept_from(key, &locked) {
            let (key, lock) = (key.name, lock.to_owned());
            return Err(ChangeError::Locked { key, lock });
        }
    }
    let before = store::setting::all(&mut *tx, connection).await?;
    let mut after = before.clone();
    let (mut edits, mut faults) = (Vec::new(), Vec::new());
    for (key, value) in wanted {
        match understood(key, value, whose, &stages, &catalogue) {
            Err(wrong) => faults.extend(wrong),
            Ok(value) => {
                let held = after.of(whose);
                let was = held.get(key.name).and_then(|held| held.value.clone());
                if was != value {
                    held.insert(key.name.to_owned(), now(sync, who, value.clone()));
                    edits.push(Edit {
                        key: key.name,
                        before: was,
                        after: value,
                    });
                }
            }
        }
    }
    faults.extend(hired_alone(whose, &after, &edits));
    if !faults.is_empty() {
        return Err(ChangeError::Faults(faults));
    }
    Ok(Changed {
        edits,
        before,
        after,
    })
}

fn now(sync: &Sync, who: &Who, value: Option<Value>) -> Held {
    Held {
        value,
        changed: layers::Changed {
            at: sync.clock.now(),
            by: who.name.clone(),
        },
    }
}

/// A stage for hires does nothing without the switch, and whoever sets one without it would think otherwise.
fn hired_alone(whose: &Whose, after: &AllSet, edits: &[Edit<'_>]) -> Option<Fault> {
    let Whose::Job(job) = whose else { return None };
    let hired = edits.iter().find(|edit| edit.key == "stages.hired")?;
    hired.after.as_ref()?;
    let policy = Policy::of(&after.stack(Some(job), None));
    let is_allowed = policy.setting(ALLOW_HIRED)?.value == json!(true);
    (!is_allowed).then(|| {
        fault(
            hired.key,
            "needs stages.allow_hired to be true as well: nobody is moved because of a hire by accident",
        )
    })
}

/// What is to be kept of a value. `None`: it goes back.
fn understood(
    key: &Key,
    value: &Value,
    whose: &Whose,
    stages: &[PlanStage],
    catalogue: &Catalogue,
) -> Result<Option<Value>, Vec<Fault>> {
    if !key.is_for(whose.layer()) {
        let layers = layers_of(key.layers);
        return Err(vec![fault(
            key.name,
            format!("can be set for {layers} only"),
        )]);
    }
    match (&key.takes, value) {
        (_, Value::Null) => Ok(None),
        (Takes::Stage { hired, archived }, Value::String(text)) => {
            let wrong = |detail| vec![fault(key.name, detail)];
            let stage = stage(text, stages).map_err(wrong)?;
            may_be(stage, *hired, *archived).map_err(wrong)?;
            Ok(Some(json!(stage.id)))
        }
        (Takes::Stages, Value::Object(names)) => {
            let mut known = Map::new();
            for (name, value) in names {
                let wrong = |detail| {
                    let pointer = format!("/{}/{}", key.name, token(name));
                    vec![Fault::new(pointer, detail)]
                };
                let text = value.as_str().unwrap_or_default();
                let stage = stage(text, stages).map_err(wrong)?;
                may_be(stage, false, false).map_err(wrong)?;
                known.insert(name.clone(), json!(stage.id));
            }
            Ok(Some(Value::Object(known)))
        }
        (Takes::FieldMap, value) => {
            let wrong = |(at, detail)| Fault::new(format!("/{}{at}", key.name), detail);
            let kept = part_of_map(key.name, value, catalogue);
            kept.map(Some)
                .map_err(|faults| faults.into_iter().map(wrong).collect())
        }
        (_, value) => Ok(Some(value.clone())),
    }
}

/// What is kept of a part of the field map.
fn part_of_map(key: &str, value: &Value, catalogue: &Catalogue) -> Result<Value, fields::Faults> {
    fn read<T: DeserializeOwned>(value: &Value) -> Result<T, fields::Faults> {
        T::deserialize(value).map_err(|error| vec![(String::new(), error.to_string())])
    }
    match key {
        fields::MAP => {
            fields::check(&read::<Vec<_>>(value)?, catalogue).map(|entries| fields::kept(&entries))
        }
        fields::DISPLAYED => fields::check_targets(&read::<Vec<_>>(value)?, catalogue)
            .map(|targets| fields::kept(&targets)),
        _ => read::<Vec<Variable>>(value).map(|variables| fields::kept(&variables)),
    }
}

fn token(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn fault(key: &str, detail: impl Into<String>) -> Fault {
    Fault::new(format!("/{key}"), detail)
}

/// The stage of the plan that a text names, by its id or its title.
fn stage<'a>(text: &str, stages: &'a [PlanStage]) -> Result<&'a PlanStage, String> {
    if let Some(stage) = stages.iter().find(|stage| stage.id.as_str() == text) {
        return Ok(stage);
    }
    let is_titled =
        |stage: &&PlanStage| stage.title.trim().to_lowercase() == text.trim().to_lowercase();
    let titled: Vec<_> = stages.iter().filter(is_titled).collect();
    match titled.as_slice() {
        [only] => Ok(only),
        [] => Err(format!(
            "is no stage of the job's interview plan, which has {}",
            listed(stages)
        )),
        _ => Err(format!(
            "is the title of several stages of the job's interview plan; give the id of one: {}",
            listed(&titled.into_iter().cloned().collect::<Vec<_>>())
        )),
    }
}

fn listed(stages: &[PlanStage]) -> String {
    let stages: Vec<_> = stages
        .iter()
        .map(|stage| format!("\u{201c}{}\u{201d} ({})", stage.title, stage.id))
        .collect();
    match stages.as_slice() {
        [] => "none".to_owned(),
        stages => stages.join(", "),
    }
}

fn may_be(stage: &PlanStage, hired: bool, archived: bool) -> Result<(), String> {
    let title = &stage.title;
    match stage.kind {
        StageKind::Hired if !hired => Err(format!(
            "\u{201c}{title}\u{201d} is a stage of type Hired, to which only stages.hired may lead"
        )),
        StageKind::Archived if !archived => Err(format!(
            "\u{201c}{title}\u{201d} is a stage of type Archived, to which only stages.snoozed and stages.not_interested may lead: it wants an archive reason"
        )),
        _ => Ok(()),
    }
}
