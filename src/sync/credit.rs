//! Finds the user of Ashby who is credited with what is created: the owner in Dover, or whom a setting names. Asked once a
//! day, and kept under a keyed hash of the address.

use chrono::{DateTime, TimeDelta, Utc};

use super::{SyncError, gather::Scene, settings::user};
use crate::{
    ashby::Disposition,
    ids::UserId,
    plan::{
        credit::{Credit, FallenBack},
        identity::IdentityKey,
        policy::Policy,
        says::DoverSays,
    },
    store,
};

/// How long a user is taken for known, and nobody for unknown: whoever was missing may just have been invited.
const KNOWN_FOR: TimeDelta = TimeDelta::days(1);
const UNKNOWN_FOR: TimeDelta = TimeDelta::hours(1);

/// What Ashby says of an e-mail address.
enum Found {
    User(UserId),
    Nobody,
    Refused { message: String },
}

impl Scene<'_> {
    /// Who is credited with what is created of a prospect. Fails where Ashby does not answer: then the prospect is tried
    /// again, for credit cannot be given later.
    pub(super) async fn credit(
        &self,
        says: &DoverSays,
        policy: &Policy,
    ) -> Result<Credit, SyncError> {
        let mut fallen_back = None;
        if policy.credits_owner() {
            let owner = says.contact.owner_email.as_ref();
            match owner.and_then(|said| user(&said.value)) {
                None => fallen_back = Some(FallenBack::NoOwner),
                Some(owner) => match self.user_of(&owner).await? {
                    Found::User(user) => return Ok(to(user)),
                    Found::Nobody => fallen_back = Some(FallenBack::OwnerUnknown),
                    Found::Refused { message } => {
                        fallen_back = Some(FallenBack::Refused { message });
                    }
                },
            }
        }
        let Some(named) = policy.credited_user().and_then(user) else {
            return Ok(Credit {
                user: None,
                fallen_back,
            });
        };
        let (user, unless_known) = match self.user_of(&named).await? {
            Found::User(user) => (Some(user), None),
            Found::Nobody => (None, Some(FallenBack::UserUnknown)),
            Found::Refused { message } => (None, Some(FallenBack::Refused { message })),
        };
        Ok(Credit {
            user,
            fallen_back: unless_known.or(fallen_back),
        })
    }

    /// The user of an address; a flush looks once for each.
    async fn user_of(&self, email: &str) -> Result<Found, SyncError> {
        let Some(key) = IdentityKey::email(email) else {
            return Ok(Found::Nobody);
        };
        let hash = self.sync.vault.identity_hash(self.connection, &key);
        // One at a time: of a page that one person owns, one asks and the others find it known.
        let mut known = self.users.lock().await;
        let user = match known.get(&hash) {
            Some(user) => user.clone(),
            None => match self.look_up(email, &hash).await {
                Ok(user) => known.entry(hash).or_insert(user).clone(),
                Err(SyncError::Ashby(error)) if error.disposition() == Disposition::Permanent => {
                    let message = error.message;
                    return Ok(Found::Refused { message });
                }
                Err(error) => return Err(error),
            },
        };
        Ok(user.map_or(Found::Nobody, Found::User))
    }

    /// The user of an address: as kept, or asked for and kept.
    async fn look_up(&self, email: &str, hash: &[u8]) -> Result<Option<UserId>, SyncError> {
        let (sync, connection) = (self.sync, self.connection);
        let now = sync.clock.now();
        let kept = store::user::kept(&sync.pool, connection, hash).await?;
        if let Some(kept) = kept.filter(|kept| !is_old(kept, now)) {
            return Ok(kept.user);
        }
        let found = self.ashby.user_by_email(email).await?;
        let user = found.filter(|user| user.is_enabled).map(|user| user.id);
        store::user::keep(&sync.pool, connection, hash, user.as_ref(), now).await?;
        Ok(user)
    }
}

fn is_old(kept: &store::user::Kept, now: DateTime<Utc>) -> bool {
    let keeps = if kept.user.is_some() {
        KNOWN_FOR
    } else {
        UNKNOWN_FOR
    };
    now - kept.looked_at > keeps
}

const fn to(user: UserId) -> Credit {
    Credit {
        user: Some(user),
        fallen_back: None,
    }
}
