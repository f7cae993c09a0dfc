//! What every connection shares: the desk, how the server was told to be, what is counted and what is kept.

use crate::body::Bodies;
use crate::idempotent::Idempotent;
use crate::limits::API_KEY_MIN;
use crate::metrics::Metrics;
use crate::own::health::Looked;
use crate::places::Places;
use crate::refused::{Refused, Result};
use aws_lc_rs::digest::{SHA256, digest};
use mickai_runtime::serve::{Caller, Desk};
use mickai_runtime::{Allowance, Error, System};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Semaphore;

/// How a server is to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens.
    pub address: std::net::SocketAddr,
    /// Names besides those of its addresses under which clients may call it.
    pub names: Vec<String>,
    /// Keys of which a client must show one; none are needed where there are none.
    pub keys: Vec<ApiKey>,
    /// The certificate chain and the private key, PEM.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// What it does not know in a request is an error, not a warning.
    pub is_strict: bool,
    /// Most tokens of an answer where the request does not say; the model's context where this does not.
    pub token_count: Option<usize>,
    /// How much memory it may take.
    pub allowance: Allowance,
}

/// A key of the API, as its digest: what is compared is never the key itself.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey([u8; 32]);

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

impl ApiKey {
    /// A key by its text; `None` if it is too short to be a secret.
    pub fn new(text: &str) -> Option<Self> {
        (text.len() >= API_KEY_MIN && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Self(sha256(text.as_bytes())))
    }

    /// Is it that one? Takes as long for every answer.
    pub fn is(&self, shown: &str) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(&self.0, &sha256(shown.as_bytes())).is_ok()
    }

    /// Whoever shows it, as one caller.
    pub fn caller(&self) -> Caller {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        Caller(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }
}

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

/// What every connection shares.
pub struct App {
    desk: Arc<Desk>,
    /// How the server is.
    pub options: Options,
    /// What is counted.
    pub metrics: Metrics,
    /// Keys that are being answered.
    pub idempotent: Idempotent,
    /// Places of those that do something heavy.
    pub places: Places,
    /// What longer bodies may hold together.
    pub bodies: Bodies,
    /// Whether the log could be written when it was last looked at.
    pub looked: Looked,
    connections: AtomicU64,
}

impl App {
    /// Opens the desk of a system.
    ///
    /// # Errors
    /// A log that cannot be written.
    pub fn open(system: Arc<System>, options: Options) -> std::result::Result<Arc<Self>, Error> {
        let desk = Arc::new(Desk::open(system, options.allowance)?);
        Ok(Arc::new(Self {
            desk,
            options,
            metrics: Metrics::default(),
            idempotent: Idempotent::default(),
            places: Places::default(),
            bodies: Bodies::default(),
            looked: Looked::default(),
            connections: AtomicU64::new(0),
        }))
    }

    /// The desk.
    pub fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    /// A caller of its own for a connection that shows no key.
    pub fn next_connection(&self) -> Caller {
        Caller(self.connections.fetch_add(1, Ordering::Relaxed))
    }

    /// Does something that may take a while, where it holds up no connection. It has a thread until it is done, also when its client is gone: what a request asks for has its places,
    /// with [`App::in_turn`].
    ///
    /// # Errors
    /// What the desk refuses.
    pub async fn on_desk<T: Send + 'static>(&self, act: impl FnOnce(&Desk) -> std::result::Result<T, Error> + Send + 'static) -> Result<T> {
        let desk = self.desk.clone();
        match tokio::task::spawn_blocking(move || act(&desk)).await {
            Ok(done) => Ok(done?),
            Err(_) => Err(Refused::internal()),
        }
    }

    /// Does something of which few requests may do much at a time, once one of these places is free.
    ///
    /// # Errors
    /// What the desk refuses.
    pub async fn in_turn<T: Send + 'static>(&self, places: &Arc<Semaphore>, act: impl FnOnce(&Desk) -> std::result::Result<T, Error> + Send + 'static) -> Result<T> {
        let place = places.clone().acquire_owned().await.map_err(|_| Refused::internal())?;
        // The work holds the place: whoever goes away meanwhile makes no room before it is done.
        let act = move |desk: &Desk| {
            let _place = place;
            act(desk)
        };
        self.on_desk(act).await
    }
}

#[cfg(test)]
impl App {
    /// On that home, with one thread and nothing that an operator may say.
    pub fn of_test(home: &std::path::Path) -> Arc<Self> {
        let system = System::open(home, 1, mickai_store::Custody::default()).unwrap();
        let options = Options {
            address: ([127, 0, 0, 1], 0).into(),
            names: Vec::new(),
            keys: Vec::new(),
            tls: None,
            is_strict: false,
            token_count: None,
            allowance: Allowance { memory_bytes: 1 << 30, cache_bytes: 64 << 20 },
        };
        Self::open(Arc::new(system), options).unwrap()
    }
}

#[cfg(test)]
mod tests;
