//! Whether what a flush did to an application can be put back: only where nobody has touched it since, and never a
//! creation, which Ashby's API cannot take back.

use serde::{Deserialize, Serialize};

use super::{
    action::{Plan, Step},
    reason::Reason,
    situation::ApplicationStatus,
};
use crate::ids::{ApplicationId, ArchiveReasonId, SourceId, StageId};

/// What of an application a flush can change, and what tells that somebody else did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Where it stands.
    pub stage: StageId,
    /// What that makes it.
    pub status: ApplicationStatus,
    /// Why it was archived.
    #[serde(default)]
    pub archive_reason: Option<ArchiveReasonId>,
    /// Where it came from.
    #[serde(default)]
    pub source: Option<SourceId>,
}

/// What a flush did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It made something that was not there before.
    Created,
    /// It changed an application.
    Changed {
        /// Which.
        application: ApplicationId,
        /// As it was.
        before: Image,
        /// As it was left.
        after: Image,
    },
}

/// Decides how a change is put back. `now` is the application as it is, where it is still there; `title` names a stage.
pub fn undo(change: &Change, now: Option<&Image>, title: impl Fn(&StageId) -> String) -> Plan {
    let Change::Changed {
        application,
        before,
        after,
    } = change
    else {
        return Plan::nothing(Reason::CannotBeUndone);
    };
    let Some(now) = now else {
        return Plan::nothing(Reason::TouchedSince { now: None });
    };
    let to = title(&before.stage);
    if now == before {
        return Plan::nothing(Reason::Undone { to });
    }
    if now != after {
        let now = Some(title(&now.stage));
        return Plan::nothing(Reason::TouchedSince { now });
    }
    let to_be_restored = matches!(
        before.status,
        ApplicationStatus::Lead | ApplicationStatus::Active
    );
    if !to_be_restored {
        return Plan::nothing(Reason::CannotBeUndone);
    }
    put_back(application.clone(), before.stage.clone(), to)
}

/// The plan that puts an application back into a stage, whose title is `title`.
pub fn put_back(application: ApplicationId, to: StageId, title: String) -> Plan {
    let step = Step::Move { application, to };
    Plan::of(vec![step], Reason::Undone { to: title })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Action;

    fn image(stage: &str, status: ApplicationStatus) -> Image {
        Image {
            stage: stage.into(),
            status,
            archive_reason: None,
            source: Some("dover".into()),
        }
    }

    fn archived() -> Image {
        Image {
            archive_reason: Some("rejected".into()),
            ..image("archived", ApplicationStatus::Archived)
        }
    }

    fn decided(now: Option<&Image>) -> (Action, &'static str) {
        let change = Change::Changed {
            application: "application".into(),
            before: image("replied", ApplicationStatus::Lead),
            after: archived(),
        };
        let plan = undo(&change, now, ToString::to_string);
        (plan.action(), plan.because.code())
    }

    #[test]
    fn what_nobody_touched_is_put_back() {
        assert_eq!(decided(Some(&archived())), (Action::Move, "undone"));
    }

    #[test]
    fn what_stands_as_it_did_is_done() {
        let before = image("replied", ApplicationStatus::Lead);
        assert_eq!(decided(Some(&before)), (Action::None, "undone"));
    }

    #[test]
    fn what_somebody_touched_in_any_way_is_left() {
        let moved = image("onsite", ApplicationStatus::Active);
        let other_reason = Image {
            archive_reason: Some("other".into()),
            ..archived()
        };
        let other_source = Image {
            source: None,
            ..archived()
        };
        for now in [Some(moved), Some(other_reason), Some(other_source), None] {
            assert_eq!(decided(now.as_ref()), (Action::None, "touched-since"));
        }
    }

    #[test]
    fn a_creation_stays() {
        let plan = undo(&Change::Created, None, ToString::to_string);
        assert_eq!(plan.because, Reason::CannotBeUndone);
        assert!(plan.steps.is_empty());
    }
}
