//! How the world changes: the same deeds whether an API key or somebody in Ashby's own pages does them.
//!
//! What bumps `updatedAt` follows recorded traffic: a stage change bumps the application and not the candidate; an edit
//! of the candidate bumps their applications a few milliseconds later; an application's `updatedAt` is already past its
//! `createdAt` when it is made, for automations run behind the call.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use super::{
    shelf::Stamp,
    world::{Application, Candidate, Contact, SocialLink, Stage, StageKind, Visit, World},
};

/// How far `updatedAt` is ahead of `createdAt` in the answer to `application.create`: recorded once.
const AUTOMATIONS_TAKE: TimeDelta = TimeDelta::milliseconds(1_400);

/// How long after a candidate's edit their applications were seen to change.
const EDIT_REACHES_APPLICATIONS_AFTER: TimeDelta = TimeDelta::milliseconds(19);

/// An application to be made.
pub(crate) struct NewApplication {
    pub id: Option<Uuid>,
    pub candidate: Uuid,
    pub job: Uuid,
    pub source: Option<Uuid>,
    pub credited_to: Option<Uuid>,
    pub created_at: DateTime<Utc>,
    /// Stages in order, with when each was entered; the last one is where the application stands.
    pub path: Vec<(Stage, DateTime<Utc>)>,
    pub archive_reason: Option<Uuid>,
}

impl World {
    /// Makes a candidate. Never asks whether there is one already: Ashby is not known to.
    pub(crate) fn add_candidate(
        &mut self,
        id: Option<Uuid>,
        candidate: Candidate,
        created_at: Option<DateTime<Utc>>,
    ) -> Uuid {
        let id = id.unwrap_or_else(|| self.chance.object_id());
        for email in &candidate.emails {
            self.index_email(id, &email.value);
        }
        let stamp = self.stamp();
        let created_at = created_at.unwrap_or(stamp.at);
        self.candidates.insert(id, candidate, created_at, stamp);
        id
    }

    /// Adds an address to a candidate: the first one is primary, one that they have already changes nothing.
    pub(crate) fn add_email(&mut self, candidate: Uuid, address: &str) {
        self.index_email(candidate, address);
        let Some(candidate) = self.candidates.edit_quietly(candidate) else {
            return;
        };
        let known = |email: &Contact| email.value.eq_ignore_ascii_case(address);
        if !candidate.emails.iter().any(known) {
            let is_primary = candidate.emails.is_empty();
            candidate.emails.push(Contact {
                value: address.to_owned(),
                is_primary,
            });
        }
    }

    /// Records that search finds the candidate under the address.
    pub(crate) fn index_email(&mut self, candidate: Uuid, address: &str) {
        let people = self.people_by_email.entry(address.to_lowercase());
        people.or_default().insert(candidate);
    }

    /// Bumps a candidate who was edited, and a moment later each of their applications.
    pub(crate) fn edit_candidate(
        &mut self,
        id: Uuid,
        stamp: Stamp,
        edit: impl FnOnce(&mut Candidate),
    ) {
        let Some(candidate) = self.candidates.edit(id, stamp) else {
            return;
        };
        edit(candidate);
        for application in candidate.applications.clone() {
            let mut later = self.stamp();
            later.at = stamp.at + EDIT_REACHES_APPLICATIONS_AFTER;
            self.applications.edit(application, later);
        }
    }

    /// Makes an application where its path ends.
    ///
    /// The candidate gets it listed, yet is not bumped: recordings show the candidate's `updatedAt` standing still.
    pub(crate) fn add_application(&mut self, new: &NewApplication) -> Uuid {
        let id = new.id.unwrap_or_else(|| self.chance.object_id());
        let history = self.history_of(&new.path);
        let (stage, entered_at) = new
            .path
            .last()
            .expect("every caller gives at least the stage to start in");
        let application = Application {
            candidate: new.candidate,
            job: new.job,
            stage: stage.id,
            archived_at: (stage.kind == StageKind::Archived).then_some(*entered_at),
            archive_reason: new.archive_reason,
            source: new.source,
            credited_to: new.credited_to,
            fields: Vec::new(),
            shown_as: None,
            history,
        };
        let stamp = self.stamp();
        self.applications
            .insert(id, application, new.created_at, stamp);
        if let Some(candidate) = self.candidates.edit_quietly(new.candidate) {
            candidate.applications.push(id);
        }
        let mut automations = self.stamp();
        automations.at += AUTOMATIONS_TAKE;
        self.applications.edit(id, automations);
        // By hand only: imports and integrations are said not to fire it.
        if !self.webhooks.by_api {
            self.announce_application(id, &["applicationSubmit"]);
        }
        id
    }

    fn history_of(&mut self, path: &[(Stage, DateTime<Utc>)]) -> Vec<Visit> {
        let left = path.iter().skip(1).map(|(_, entered)| Some(*entered));
        let left = left.chain([None]);
        (0..)
            .zip(path.iter().zip(left))
            .map(|(number, ((stage, entered_at), left_at))| Visit {
                id: self.chance.object_id(),
                stage: stage.id,
                title: stage.title.clone(),
                number,
                entered_at: *entered_at,
                left_at,
            })
            .collect()
    }

    /// Moves an application to a stage. A stage of type Archived archives it, for `reason`; any other un-archives it.
    /// Moving to the stage where it stands only bumps it.
    pub(crate) fn move_application(
        &mut self,
        id: Uuid,
        stage: &Stage,
        reason: Option<Uuid>,
        stamp: Stamp,
    ) {
        let visit_id = self.chance.object_id();
        let Some(application) = self.applications.edit(id, stamp) else {
            return;
        };
        let is_elsewhere = application.stage != stage.id;
        if is_elsewhere {
            let number = application.history.last().map_or(0, |last| last.number + 1);
            if let Some(last) = application.history.last_mut() {
                last.left_at = Some(stamp.at);
            }
            application.history.push(Visit {
                id: visit_id,
                stage: stage.id,
                title: stage.title.clone(),
                number,
                entered_at: stamp.at,
                left_at: None,
            });
            application.stage = stage.id;
        }
        if stage.kind == StageKind::Archived {
            application.archived_at.get_or_insert(stamp.at);
            application.archive_reason = reason;
        } else {
            application.archived_at = None;
            application.archive_reason = None;
        }
        if is_elsewhere {
            self.announce_move(id, stage.kind);
        } else {
            self.announce_application(id, &["applicationUpdate"]);
        }
    }

    /// Takes an application away, also from its candidate.
    pub(crate) fn remove_application(&mut self, id: Uuid) -> bool {
        let Some(application) = self.applications.remove(id) else {
            return false;
        };
        self.stamp();
        if let Some(candidate) = self.candidates.edit_quietly(application.candidate) {
            candidate.applications.retain(|other| *other != id);
        }
        true
    }

    /// Takes a candidate away with all their applications.
    pub(crate) fn remove_candidate(&mut self, id: Uuid) -> bool {
        let Some(candidate) = self.candidates.remove(id) else {
            return false;
        };
        self.stamp();
        for application in candidate.applications {
            self.applications.remove(application);
        }
        self.announce(&["candidateDelete"], &json!({ "candidate": { "id": id } }));
        true
    }

    /// Merges one candidate into another: the survivor gains applications (which keep their ids), addresses, links,
    /// tags and notes; the other id ceases to exist.
    pub(crate) fn merge_candidates(&mut self, loser: Uuid, survivor: Uuid, stamp: Stamp) -> bool {
        if loser == survivor || self.candidates.get(survivor).is_none() {
            return false;
        }
        let Some(gone) = self.candidates.remove(loser) else {
            return false;
        };
        for application in &gone.applications {
            if let Some(application) = self.applications.edit_quietly(*application) {
                application.candidate = survivor;
            }
        }
        for email in &gone.emails {
            self.add_email(survivor, &email.value);
        }
        let theirs = self.notes.iter().filter(|row| row.item.candidate == loser);
        for id in theirs.map(|row| row.id).collect::<Vec<_>>() {
            if let Some(note) = self.notes.edit_quietly(id) {
                note.candidate = survivor;
            }
        }
        self.edit_candidate(survivor, stamp, |candidate| {
            candidate.applications.extend(gone.applications);
            for link in gone.links {
                if !candidate.links.iter().any(|known| known.url == link.url) {
                    candidate.links.push(link);
                }
            }
            for tag in gone.tags {
                if !candidate.tags.contains(&tag) {
                    candidate.tags.push(tag);
                }
            }
        });
        self.announce(
            &["candidateMerge"],
            &json!({ "deletedCandidate": { "id": loser }, "mergedCandidate": { "id": survivor } }),
        );
        true
    }
}

impl Candidate {
    /// Makes `value` the primary address; an older primary one stays as another address.
    pub(crate) fn set_primary_email(&mut self, value: &str) {
        set_primary(&mut self.emails, value);
    }

    /// Makes `value` the primary phone number; an older primary one stays as another number.
    pub(crate) fn set_primary_phone(&mut self, value: &str) {
        set_primary(&mut self.phones, value);
    }

    /// Sets the one link of this kind.
    pub(crate) fn set_link(&mut self, kind: &str, url: &str) {
        self.links.retain(|link| link.kind != kind);
        self.links.push(SocialLink {
            kind: kind.to_owned(),
            url: url.to_owned(),
        });
    }
}

fn set_primary(contacts: &mut Vec<Contact>, value: &str) {
    contacts.retain(|contact| !contact.value.eq_ignore_ascii_case(value));
    for contact in &mut *contacts {
        contact.is_primary = false;
    }
    contacts.insert(
        0,
        Contact {
            value: value.to_owned(),
            is_primary: true,
        },
    );
}
