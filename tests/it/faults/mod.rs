//! Whatever befalls a call to Ashby: once the trouble is over the world is as it would have been without, nobody is
//! doubled or missing, and what recruiters did stands.

mod alone;
mod doubt;
mod lost;
mod orders;
mod run;
mod scenario;
mod schedules;
mod sweep;

pub(crate) use orders::ordered;
