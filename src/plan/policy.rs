//! The settings that decide on one prospect: those of its connection, its job and the user who owns it in Dover, one on the
//! other.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{
    fields::FieldMap,
    notes::{Event, Template},
    says::{DoverSays, Stage, Status, Word},
    settings::{
        keys::{
            ALLOW_HIRED, CONTACT_UPDATES, CREDIT_OWNER, CREDITED_USER, KEYS, NAMED_STAGES,
            NOTE_TEMPLATES, NOTES_BACKFILL, NOTES_ON, NOTES_ONLY_SYNCED, ONLY_SYNCED, TAG, TRIGGER,
            Takes,
        },
        layers::{InForce, Stack},
    },
};
use crate::ids::StageId;

/// What has to happen in Dover before a candidate is added to a job in Ashby. Each asks for more than the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// Nothing more than being added in Dover.
    #[default]
    Added,
    /// A reply.
    Replied,
    /// Interest.
    Interested,
    /// Nothing adds anybody.
    Never,
}

impl Trigger {
    /// Whether what Dover says reaches it. Who is further on has been there: whoever is interviewed is interested.
    pub fn is_reached(self, dover: &DoverSays) -> bool {
        let reached = reached(dover);
        match self {
            Self::Added => true,
            Self::Replied => reached >= Some(Stage::Replied),
            Self::Interested => reached >= Some(Stage::Interested),
            Self::Never => false,
        }
    }
}

/// How far the candidate has come in Dover. Who was hired was interviewed, and who is not interested has said so.
fn reached(dover: &DoverSays) -> Option<Stage> {
    let stage = match dover.stage.as_ref().map(|said| &said.value.stage) {
        Some(Word::Known(stage)) => Some(*stage),
        Some(Word::Unknown(_)) | None => None,
    };
    let by_status = match dover.status.as_ref().map(|said| &said.value) {
        Some(Word::Known(Status::Hired)) => Some(Stage::Interviewing),
        Some(Word::Known(Status::NotInterested)) => Some(Stage::Replied),
        _ => None,
    };
    stage.max(by_status)
}

/// A stage of the job's plan that a setting names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// It.
    pub stage: StageId,
    /// The key of the setting.
    pub key: &'static str,
}

/// What is in force for one prospect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    settings: BTreeMap<&'static str, InForce>,
    fields: FieldMap,
}

impl Default for Policy {
    /// What holds where nobody has set anything.
    fn default() -> Self {
        Self::of(&Stack::default())
    }
}

impl Policy {
    /// What the layers come to.
    pub fn of(stack: &Stack<'_>) -> Self {
        let settings = stack.all();
        let fields = FieldMap::of(|key| settings.get(key).map(|found| &found.value));
        Self { settings, fields }
    }

    /// Which variable goes where.
    pub const fn fields(&self) -> &FieldMap {
        &self.fields
    }

    /// What is in force of a key. `None`: there is no such key.
    pub fn setting(&self, key: &str) -> Option<&InForce> {
        self.settings.get(key)
    }

    /// What has to happen before the candidate is added.
    pub fn trigger(&self) -> Trigger {
        self.read(TRIGGER)
    }

    /// Whether the trigger holds for an application that is in Ashby already, too.
    pub fn only_synced(&self) -> bool {
        self.read(ONLY_SYNCED)
    }

    /// Whether a note is written upon such an event.
    pub fn notes_on(&self, event: Event) -> bool {
        let chosen: Vec<String> = self.read(NOTES_ON);
        chosen.iter().any(|word| word == event.word())
    }

    /// Whether notes are written upon what happened before the application was made, too.
    pub fn backfills_notes(&self) -> bool {
        self.read(NOTES_BACKFILL)
    }

    /// Whether notes on records that were in Ashby before wait for the trigger.
    pub fn notes_only_synced(&self) -> bool {
        self.read(NOTES_ONLY_SYNCED)
    }

    /// What a note upon such an event says. What was set was understood then; should a later version no longer understand
    /// it, the usual one holds.
    pub fn note_template(&self, event: Event) -> Template {
        let set = self.settings.get(NOTE_TEMPLATES);
        let set = set.and_then(|set| set.value.get(event.word())?.as_str());
        set.and_then(|text| Template::parse(text).ok())
            .unwrap_or_else(|| {
                Template::parse(event.usual_template()).expect("a test parses each of them")
            })
    }

    /// Whether the owner in Dover is credited with what is created.
    pub fn credits_owner(&self) -> bool {
        self.read(CREDIT_OWNER)
    }

    /// The e-mail address of the user who is credited otherwise.
    pub fn credited_user(&self) -> Option<&str> {
        self.settings.get(CREDITED_USER)?.value.as_str()
    }

    /// The title of the tag that candidates are given.
    pub fn tag(&self) -> Option<&str> {
        self.settings.get(TAG)?.value.as_str()
    }

    /// Whether contact details are updated after somebody was created.
    pub fn updates_contact(&self) -> bool {
        self.read(CONTACT_UPDATES)
    }

    /// The stage that is set for a stage of Dover's, under the `name` that Dover gives it. `None`: the rules say.
    pub fn stage_for(&self, stage: Stage, name: Option<&str>) -> Option<Mapped> {
        let own = self.mapped(key_of(stage));
        match stage {
            Stage::Interviewing => name.and_then(|name| self.named(name)).or(own),
            Stage::Interested => own.or_else(|| self.mapped(key_of(Stage::Replied))),
            Stage::NewLead | Stage::ReachedOut | Stage::Replied => own,
        }
    }

    /// The stage that a status moves an application to, where one is set.
    pub fn stage_of(&self, status: Status) -> Option<Mapped> {
        let is_allowed = status != Status::Hired || self.read(ALLOW_HIRED);
        key_of_status(status)
            .filter(|_| is_allowed)
            .and_then(|key| self.mapped(key))
    }

    /// Every stage that a setting names.
    pub fn stages(&self) -> impl Iterator<Item = Mapped> {
        let own = KEYS.iter().filter_map(|key| match key.takes {
            Takes::Stage { .. } => self.mapped(key.name),
            _ => None,
        });
        let found = self.settings.get(NAMED_STAGES);
        let found = found.and_then(|found| found.value.as_object());
        let named = found
            .into_iter()
            .flat_map(|names| names.values())
            .filter_map(|stage| {
                Some(Mapped {
                    stage: stage.as_str()?.into(),
                    key: NAMED_STAGES,
                })
            });
        own.chain(named)
    }

    fn mapped(&self, key: &'static str) -> Option<Mapped> {
        let stage = self.settings.get(key)?.value.as_str()?.into();
        Some(Mapped { stage, key })
    }

    /// The stage that is set for an interview stage of that name.
    fn named(&self, name: &str) -> Option<Mapped> {
        let names = self.settings.get(NAMED_STAGES)?.value.as_object()?;
        let meant = plain(name);
        let (_, stage) = names.iter().find(|(known, _)| plain(known) == meant)?;
        Some(Mapped {
            stage: stage.as_str()?.into(),
            key: NAMED_STAGES,
        })
    }

    /// A value as what it means. One that means nothing, as a later version may leave it, counts as the default.
    fn read<T: Default + for<'a> Deserialize<'a>>(&self, key: &str) -> T {
        let value: Option<&Value> = self.settings.get(key).map(|found| &found.value);
        value
            .and_then(|value| T::deserialize(value).ok())
            .unwrap_or_default()
    }
}

/// The key of a stage of Dover's.
pub const fn key_of(stage: Stage) -> &'static str {
    match stage {
        Stage::NewLead => "stages.new_lead",
        Stage::ReachedOut => "stages.reached_out",
        Stage::Replied => "stages.replied",
        Stage::Interested => "stages.interested",
        Stage::Interviewing => "stages.interviewing",
    }
}

/// The key of a status that can be given a stage.
pub const fn key_of_status(status: Status) -> Option<&'static str> {
    match status {
        Status::Hired => Some("stages.hired"),
        Status::Snoozed => Some("stages.snoozed"),
        Status::NotInterested => Some("stages.not_interested"),
        Status::Active | Status::Withdrew | Status::Rejected => None,
    }
}

/// A name without what does not matter: capitals, spaces and the like.
pub fn plain(name: &str) -> String {
    let letters = name.chars().filter(|letter| letter.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}
