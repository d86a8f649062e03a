//! Custom fields: which there are in an employer's Ashby, and the field map in force.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::OnceCell;

use super::{Sync, SyncError, access::Access, gather::Scene, release};
use crate::{
    ashby::{AshbyClient, CustomField, Disposition, FieldObject, FieldType},
    ids::ConnectionId,
    plan::{
        fields::{
            Catalogue, DISPLAYED, FILTERABLE, Field, FieldMap, MANDATORY, MAP, Object, Variable,
            catalogue::{Choice, Kind},
            without_place,
        },
        notes::Event,
        policy::Policy,
        settings::{layers::Changed, locks::lock_of},
    },
    store::{self, StoreError},
};

/// How long the fields are taken for unchanged. One that Ashby refuses is read again at once.
const KEEPS: TimeDelta = TimeDelta::hours(1);

/// The field map of a connection, as it is shown.
#[derive(Debug)]
pub struct Shown {
    /// What was set, and what was not.
    pub map: FieldMap,
    /// The fields that there are, as last read.
    pub catalogue: Catalogue,
    /// When that was.
    pub read_at: Option<DateTime<Utc>>,
    /// The last change of any part of it.
    pub changed: Option<Changed>,
    /// Whether only an admin changes any part of it.
    pub is_locked: bool,
    /// Whether notes are written, which tell what goes into no field.
    has_notes: bool,
}

impl Shown {
    /// What Dover says that goes nowhere, as far as the fields were ever read.
    pub fn homeless(&self) -> Vec<Variable> {
        if self.has_notes || self.read_at.is_none() {
            return Vec::new();
        }
        without_place(&self.map, &self.catalogue)
    }
}

/// The field map of a connection, and what it may name.
pub async fn shown(sync: &Sync, connection: ConnectionId) -> Result<Shown, StoreError> {
    let policy = policy(sync, connection).await?;
    let locked = store::setting::locked(&sync.pool, connection).await?;
    let read = store::field::catalogue(&sync.pool, connection).await?;
    let keys = [MAP, MANDATORY, DISPLAYED, FILTERABLE];
    let changed = keys
        .iter()
        .filter_map(|key| policy.setting(key)?.changed.as_ref());
    let changed = changed.map(|(_, changed)| changed.clone());
    Ok(Shown {
        map: policy.fields().clone(),
        has_notes: Event::ALL.iter().any(|event| policy.notes_on(*event)),
        changed: changed.max_by_key(|changed| changed.at),
        is_locked: keys.iter().any(|key| lock_of(key, &locked).is_some()),
        read_at: read.as_ref().map(|read| read.at),
        catalogue: read.map(|read| read.fields).unwrap_or_default(),
    })
}

/// The field map in force for a connection.
pub async fn in_force(sync: &Sync, connection: ConnectionId) -> Result<FieldMap, StoreError> {
    Ok(policy(sync, connection).await?.fields().clone())
}

async fn policy(sync: &Sync, connection: ConnectionId) -> Result<Policy, StoreError> {
    let all = store::setting::all(&sync.pool, connection).await?;
    Ok(Policy::of(&all.stack(None, None)))
}

/// Reads the fields from Ashby, for somebody who is about to name some.
pub async fn refresh(sync: &Sync, connection: ConnectionId) -> Result<(), SyncError> {
    let access = Access::of(sync, connection).await?;
    let read = read(sync, connection, &access.client).await;
    access.keep_answered(sync).await?;
    read.map(drop)
}

/// Reads the fields from Ashby and keeps them: a call for each hundred.
async fn read(
    sync: &Sync,
    connection: ConnectionId,
    ashby: &AshbyClient,
) -> Result<Catalogue, SyncError> {
    let fields = ashby.custom_fields().await?;
    let catalogue = Catalogue(fields.into_iter().map(field).collect());
    let now = sync.clock.now();
    store::field::set_catalogue(&sync.pool, connection, &catalogue, now).await?;
    Ok(catalogue)
}

/// Somebody waits for a field or an option: looks whether it is there now, and lets them go on if anything has changed since
/// they were decided. What Ashby does not tell now, it may with the next flush.
pub(super) async fn look_again(
    sync: &Sync,
    connection: ConnectionId,
    ashby: &AshbyClient,
) -> Result<(), SyncError> {
    match read(sync, connection, ashby).await {
        Ok(_) => {}
        Err(SyncError::Ashby(error)) if is_passing(error.disposition()) => {}
        Err(error) => return Err(error),
    }
    if store::field::is_another(&sync.pool, connection).await? {
        let reasons = release::owned(&release::FIELDS);
        store::waiting::release(&sync.pool, connection, &reasons).await?;
    }
    Ok(())
}

const fn is_passing(disposition: Disposition) -> bool {
    matches!(
        disposition,
        Disposition::Transient | Disposition::InDoubt | Disposition::Permanent
    )
}

/// The fields as one flush takes them: read where they are first needed.
#[derive(Debug, Default)]
pub(super) struct Known(OnceCell<Arc<Catalogue>>);

impl Known {
    /// The same, if they are read already.
    pub(super) fn peek(&self) -> Option<&Catalogue> {
        self.0.get().map(AsRef::as_ref)
    }

    /// The fields that there are: as kept, or read again where that is old. Where Ashby does not tell, what is kept serves.
    pub(super) async fn get(
        &self,
        sync: &Sync,
        connection: ConnectionId,
        ashby: &AshbyClient,
    ) -> Result<Arc<Catalogue>, SyncError> {
        let known = self.0.get_or_try_init(|| async {
            let kept = store::field::catalogue(&sync.pool, connection).await?;
            let is_fresh = |at: DateTime<Utc>| sync.clock.now() - at <= KEEPS;
            let catalogue = match kept {
                Some(kept) if is_fresh(kept.at) => kept.fields,
                kept => match (read(sync, connection, ashby).await, kept) {
                    (Ok(catalogue), _) => catalogue,
                    (Err(SyncError::Ashby(error)), Some(kept))
                        if is_passing(error.disposition()) =>
                    {
                        kept.fields
                    }
                    (Err(error), _) => return Err(error),
                },
            };
            store::field::take_in(&sync.pool, connection).await?;
            Ok(Arc::new(catalogue))
        });
        known.await.cloned()
    }
}

impl Scene<'_> {
    /// Has the fields at hand for whoever asks what is due. Where Ashby does not tell, whoever needs them asks again.
    pub(super) async fn know_fields(&self) -> Result<(), SyncError> {
        let known = self.fields.get(self.sync, self.connection, &self.ashby);
        match known.await {
            Ok(_) | Err(SyncError::Ashby(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn field(read: CustomField) -> Field {
    let object = match &read.object_type {
        FieldObject::Candidate => Some(Object::Candidate),
        FieldObject::Application => Some(Object::Application),
        FieldObject::Other(_) => None,
    };
    let choices = || {
        let values = read.selectable_values.iter();
        values
            .map(|option| Choice {
                value: option.value.clone(),
                label: if option.label.is_empty() {
                    option.value.clone()
                } else {
                    option.label.clone()
                },
                is_archived: option.is_archived,
            })
            .collect()
    };
    let kind = match &read.field_type {
        FieldType::String | FieldType::LongText => Kind::Text,
        FieldType::Email => Kind::Email,
        FieldType::Phone => Kind::Phone,
        FieldType::Url => Kind::Url,
        FieldType::Number => Kind::Number,
        FieldType::Boolean => Kind::Boolean,
        FieldType::Date => Kind::Date,
        FieldType::ValueSelect => Kind::Select(choices()),
        FieldType::MultiValueSelect => Kind::MultiSelect(choices()),
        FieldType::Other(name) => Kind::Other(name.clone()),
    };
    Field {
        of_other: object
            .is_none()
            .then(|| read.object_type.as_str().to_owned()),
        id: read.id,
        title: read.title,
        object,
        kind,
        is_archived: read.is_archived,
    }
}
