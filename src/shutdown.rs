//! Ending well: the first signal lets what is under way finish, the second ends the process at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that is cancelled by SIGINT or SIGTERM. A second signal exits with the usual code.
pub fn on_signal() -> std::io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let cancelled = token.clone();
    tokio::spawn(async move {
        let mut signals = 0;
        loop {
            let code = tokio::select! {
                _ = interrupt.recv() => 130,
                _ = terminate.recv() => 143,
            };
            signals += 1;
            if signals > 1 {
                std::process::exit(code);
            }
            tracing::info!(
                "shutting down: what is under way is finished; a second signal ends at once"
            );
            cancelled.cancel();
        }
    });
    Ok(token)
}
