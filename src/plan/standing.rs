//! The end of rule 1: what Dover's latest words come to. Unknown words are parked here, never guessed.

use chrono::{DateTime, Utc};

use super::{
    reason::{Departure, Reason},
    says::{DoverSays, Stage, Status, Word},
};

/// What Dover wants for a candidate, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing<'a> {
    /// In play, at a stage.
    Pursued {
        /// The stage.
        stage: Stage,
        /// What the employer calls it.
        name: Option<&'a str>,
        /// When Dover named it. A later word of the status alone makes it no newer.
        named: DateTime<Utc>,
        /// When Dover last said anything of stage or status.
        said: DateTime<Utc>,
    },
    /// Over.
    Over(Departure, DateTime<Utc>),
    /// In a status that stays in Dover.
    Held(Status, DateTime<Utc>),
}

impl Standing<'_> {
    /// When Dover said so.
    pub(super) const fn said(self) -> DateTime<Utc> {
        match self {
            Self::Pursued { said, .. } | Self::Over(_, said) | Self::Held(_, said) => said,
        }
    }
}

/// Reads the fold. An inactive status outweighs the stage; a status without any stage counts as a new lead.
pub(super) fn standing(says: &DoverSays) -> Result<Standing<'_>, Reason> {
    let Some(status) = &says.status else {
        return Err(Reason::NoStageYet);
    };
    let at = status.stamp.at;
    match &status.value {
        Word::Unknown(word) => Err(Reason::UnknownStatus(word.clone())),
        Word::Known(Status::Active) => pursued(says, at),
        Word::Known(Status::Withdrew) => Ok(Standing::Over(Departure::Withdrew, at)),
        Word::Known(Status::Rejected) => Ok(Standing::Over(Departure::Rejected, at)),
        Word::Known(held) => Ok(Standing::Held(*held, at)),
    }
}

fn pursued(says: &DoverSays, status_at: DateTime<Utc>) -> Result<Standing<'_>, Reason> {
    let (stage, name, named) = match &says.stage {
        None => (Stage::NewLead, None, status_at),
        Some(said) => match &said.value.stage {
            Word::Known(stage) => (*stage, said.value.name.as_deref(), said.stamp.at),
            Word::Unknown(word) => return Err(Reason::UnknownStage(word.clone())),
        },
    };
    Ok(Standing::Pursued {
        stage,
        name,
        named,
        said: named.max(status_at),
    })
}

/// What Dover's clock claimed for the news that counts, where it was not believed.
pub(super) fn clock_ahead(says: &DoverSays) -> Option<DateTime<Utc>> {
    let stage = says.stage.as_ref().map(|said| said.stamp);
    let status = says.status.as_ref().map(|said| said.stamp);
    stage.max(status).and_then(|stamp| stamp.claimed)
}
