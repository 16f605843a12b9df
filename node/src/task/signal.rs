//! The word to stop.

use tokio::sync::watch;

/// Tells everybody who listens to stop, once and for good. Dropping it without a word is no word.
#[derive(Debug)]
pub(super) struct Stopper(watch::Sender<bool>);

impl Stopper {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    pub(super) fn stop(&self) {
        self.0.send_replace(true);
    }

    pub(super) fn listen(&self) -> Shutdown {
        Shutdown(self.0.subscribe())
    }
}

/// Listens for the word to stop. A clone that is made late hears it as well.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// Whether the word has come.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Resolves when the word has come; what axum's `with_graceful_shutdown` takes.
    pub async fn requested(mut self) {
        if self.0.wait_for(|stop| *stop).await.is_err() {
            // Whoever could say it is gone, so it never comes.
            std::future::pending().await
        }
    }
}
