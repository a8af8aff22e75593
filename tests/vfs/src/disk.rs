//! What lies on the disk for sure, what is on its way, and what is to fail.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rusqlite::ffi;

use crate::methods;

/// A disk writes whole sectors or nothing.
const SECTOR: usize = 512;

/// What is to go wrong, counted in operations (writes, truncations and flushes) since [`Disk::reset`].
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// The power goes off at this operation, and every later one fails.
    pub power_off: Option<u64>,
    /// Writes find no room.
    pub full: Range<u64>,
    /// The first flush from this operation on fails; nothing is known of what it was to flush.
    pub bad_flush: Option<u64>,
    /// Flushes are said to work and do nothing: what a test must notice.
    pub lies: bool,
}

/// The one disk of the process.
#[derive(Clone, Copy, Debug)]
pub struct Disk(());

#[derive(Default)]
struct State {
    faults: Faults,
    files: BTreeMap<PathBuf, Shadow>,
    operations: u64,
    rng: Option<ChaCha8Rng>,
    /// What a power cut left.
    image: Option<BTreeMap<PathBuf, Vec<u8>>>,
    flush_failed: bool,
}

/// A file as a power cut would meet it.
#[derive(Default)]
struct Shadow {
    /// As it was flushed last; absent if it never was.
    durable: Option<Vec<u8>>,
    pending: Vec<Change>,
}

/// Something that is not flushed yet.
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

fn state() -> MutexGuard<'static, State> {
    static STATE: OnceLock<Mutex<State>> = OnceLock::new();
    let state = STATE.get_or_init(Mutex::default);
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Disk {
    /// Puts the disk under all SQLite connections that are opened from now on.
    ///
    /// # Errors
    /// The result code of SQLite.
    pub fn install() -> Result<Self, i32> {
        static INSTALLED: OnceLock<i32> = OnceLock::new();
        match *INSTALLED.get_or_init(methods::register) {
            ffi::SQLITE_OK => Ok(Self(())),
            code => Err(code),
        }
    }

    /// Forgets everything, and begins to count; chance follows from `seed`.
    pub fn reset(self, seed: u64, faults: Faults) {
        *state() = State {
            faults,
            rng: Some(ChaCha8Rng::seed_from_u64(seed)),
            ..State::default()
        };
    }

    /// Replaces what is to go wrong, and goes on counting.
    pub fn set(self, faults: Faults) {
        state().faults = faults;
    }

    /// How many operations there were.
    pub fn operations(self) -> u64 {
        state().operations
    }

    /// Whether the power is off.
    pub fn is_off(self) -> bool {
        state().image.is_some()
    }

    /// Turns the power off now, if it is on.
    pub fn cut(self) {
        state().cut();
    }

    /// Writes what the power cut left of the files in `from` into the folder `into`.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn rescue(self, from: &Path, into: &Path) -> io::Result<()> {
        let state = state();
        let files = state.image.iter().flatten();
        for (path, bytes) in files.filter(|(path, _)| path.parent() == Some(from)) {
            if let Some(name) = path.file_name() {
                fs::write(into.join(name), bytes)?;
            }
        }
        Ok(())
    }
}

impl State {
    /// Counts an operation; `Err` if it fails.
    fn begin(&mut self) -> Result<u64, i32> {
        let number = self.operations;
        self.operations += 1;
        if self.faults.power_off.is_some_and(|at| number >= at) {
            self.cut();
        }
        if self.image.is_some() {
            return Err(ffi::SQLITE_IOERR);
        }
        Ok(number)
    }

    fn cut(&mut self) {
        if self.image.is_some() {
            return;
        }
        let mut rng = self
            .rng
            .take()
            .unwrap_or_else(|| ChaCha8Rng::seed_from_u64(0));
        let files = std::mem::take(&mut self.files).into_iter();
        let left = files.filter_map(|(path, file)| Some((path, file.left(&mut rng)?)));
        self.image = Some(left.collect());
    }
}

impl Shadow {
    /// What is left of it.
    fn left(self, rng: &mut ChaCha8Rng) -> Option<Vec<u8>> {
        let mut bytes = self.durable;
        // Now and then everything arrives, or nothing, as when the cut comes late or early.
        let luck = rng.random_range(0..4_u8);
        for change in self.pending {
            let part = match luck {
                0 => 0,
                1 => usize::MAX,
                _ => match rng.random_range(0..3_u8) {
                    0 => 0,
                    1 => usize::MAX,
                    _ => SECTOR * rng.random_range(0..9_usize),
                },
            };
            match change {
                Change::Write(at, data) => {
                    let part = data.get(..part).unwrap_or(&data);
                    if !part.is_empty() {
                        put(bytes.get_or_insert_default(), at, part);
                    }
                }
                Change::Truncate(len) if part > 0 => bytes.get_or_insert_default().truncate(len),
                Change::Truncate(_) => {}
            }
        }
        bytes
    }

    fn flush(&mut self) {
        let bytes = self.durable.get_or_insert_default();
        for change in self.pending.drain(..) {
            match change {
                Change::Write(at, data) => put(bytes, at, &data),
                Change::Truncate(len) => bytes.truncate(len),
            }
        }
    }
}

fn put(bytes: &mut Vec<u8>, at: usize, data: &[u8]) {
    let end = at + data.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    if let Some(place) = bytes.get_mut(at..end) {
        place.copy_from_slice(data);
    }
}

/// A file is opened; what it holds by then counts as flushed.
pub(crate) fn on_open(path: &Path) {
    let mut state = state();
    if state.image.is_none() && !state.files.contains_key(path) {
        let bytes = fs::read(path).ok().filter(|bytes| !bytes.is_empty());
        let shadow = Shadow {
            durable: bytes,
            pending: Vec::new(),
        };
        state.files.insert(path.to_owned(), shadow);
    }
}

/// A file is removed.
pub(crate) fn on_delete(path: &Path) -> Result<(), i32> {
    let mut state = state();
    if state.image.is_some() {
        return Err(ffi::SQLITE_IOERR_DELETE);
    }
    state.files.remove(path);
    Ok(())
}

/// Something is written.
pub(crate) fn on_write(path: &Path, at: usize, data: &[u8]) -> Result<(), i32> {
    let mut state = state();
    let number = state.begin()?;
    if state.faults.full.contains(&number) {
        return Err(ffi::SQLITE_FULL);
    }
    if let Some(file) = state.files.get_mut(path) {
        file.pending.push(Change::Write(at, data.to_owned()));
    }
    Ok(())
}

/// A file is cut.
pub(crate) fn on_truncate(path: &Path, len: usize) -> Result<(), i32> {
    let mut state = state();
    state.begin()?;
    if let Some(file) = state.files.get_mut(path) {
        file.pending.push(Change::Truncate(len));
    }
    Ok(())
}

/// The index of the write-ahead log is to grow.
pub(crate) fn on_index_growth() -> Result<(), i32> {
    let state = state();
    if state.faults.full.contains(&state.operations) {
        return Err(ffi::SQLITE_IOERR_SHMSIZE);
    }
    Ok(())
}

/// A file is flushed.
pub(crate) fn on_sync(path: &Path) -> Result<(), i32> {
    let mut state = state();
    let number = state.begin()?;
    let is_bad = state.faults.bad_flush.is_some_and(|at| number >= at);
    if is_bad && !std::mem::replace(&mut state.flush_failed, true) {
        return Err(ffi::SQLITE_IOERR_FSYNC);
    }
    if !state.faults.lies
        && let Some(file) = state.files.get_mut(path)
    {
        file.flush();
    }
    Ok(())
}
