//! Who is credited with what is created.

use std::fmt;

use crate::ids::UserId;

/// Who is credited, and why not whom the settings ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credit {
    /// Who.
    pub user: Option<UserId>,
    /// Why it is not the one that the settings ask for first.
    pub fallen_back: Option<FallenBack>,
}

impl Credit {
    /// Nobody is, and nobody is asked for.
    pub const NOBODY: Self = Self {
        user: None,
        fallen_back: None,
    };
}

/// Why somebody else is credited, or nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FallenBack {
    /// Dover names no owner of the candidate.
    NoOwner,
    /// The owner in Dover is no user of Ashby.
    OwnerUnknown,
    /// The user that the setting names is no user of Ashby.
    UserUnknown,
    /// Ashby does not tell who its users are.
    Refused {
        /// In its words.
        message: String,
    },
}

impl fmt::Display for Credit {
    /// A sentence where somebody else is credited than the settings ask for; nothing else.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(why) = &self.fallen_back else {
            return Ok(());
        };
        match why {
            FallenBack::NoOwner => f.write_str(" Dover names no owner of the candidate"),
            FallenBack::OwnerUnknown => {
                f.write_str(" The candidate's owner in Dover is no active user of Ashby")
            }
            FallenBack::UserUnknown => {
                f.write_str(" The user of the setting credit.user is no active user of Ashby")
            }
            FallenBack::Refused { message } => {
                write!(f, " Ashby does not tell who its users are ({message})")
            }
        }?;
        f.write_str(match self.user {
            Some(_) => ", so the user of the setting credit.user is credited.",
            None => ", so nobody is credited.",
        })
    }
}
