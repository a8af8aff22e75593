//! The table of functions that SQLite calls: each asks the disk and then the system.

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use rusqlite::ffi;

use crate::disk;

/// The system's own file functions.
static SYSTEM: AtomicPtr<ffi::sqlite3_vfs> = AtomicPtr::new(ptr::null_mut());

/// What SQLite holds of a file; the system's own file lies behind it in memory.
#[repr(C)]
struct File {
    base: ffi::sqlite3_file,
    /// Where it is; null for files without a name.
    path: *mut PathBuf,
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    // Without memory mapping, which no one could watch.
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Makes this the file functions of new connections; once in a process.
pub(crate) fn register() -> c_int {
    // SAFETY: SQLite initialises itself, gives a pointer that is valid for the process's life, and
    // takes one that is: the copy is leaked.
    unsafe {
        let code = ffi::sqlite3_initialize();
        if code != ffi::SQLITE_OK {
            return code;
        }
        let system = ffi::sqlite3_vfs_find(ptr::null());
        if system.is_null() {
            return ffi::SQLITE_ERROR;
        }
        SYSTEM.store(system, Ordering::Release);
        let mut own = ptr::read(system);
        own.szOsFile += size_of::<File>() as c_int;
        own.pNext = ptr::null_mut();
        own.zName = c"faulty".as_ptr();
        own.xOpen = Some(open);
        own.xDelete = Some(delete);
        ffi::sqlite3_vfs_register(Box::leak(Box::new(own)), 1)
    }
}

/// The system's file behind ours.
fn system_file(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    file.cast::<File>().wrapping_add(1).cast()
}

/// Where a file is.
fn path_of<'a>(file: *mut ffi::sqlite3_file) -> Option<&'a Path> {
    // SAFETY: SQLite hands back what `open` has filled in, until `close`.
    unsafe {
        let path = (*file.cast::<File>()).path;
        path.as_ref().map(PathBuf::as_path)
    }
}

fn named<'a>(name: *const c_char) -> Option<&'a Path> {
    if name.is_null() {
        return None;
    }
    // SAFETY: SQLite's names end with a zero and live for the call.
    let name = unsafe { CStr::from_ptr(name) };
    Some(Path::new(OsStr::from_bytes(name.to_bytes())))
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let system = SYSTEM.load(Ordering::Acquire);
    let own = file.cast::<File>();
    let behind = system_file(file);
    // SAFETY: SQLite gives `szOsFile` bytes, which is room for both files.
    unsafe {
        (*own).base.pMethods = ptr::null();
        (*own).path = ptr::null_mut();
        let Some(system_open) = (*system).xOpen else {
            return ffi::SQLITE_ERROR;
        };
        let code = system_open(system, name, behind, flags, out_flags);
        if code != ffi::SQLITE_OK {
            return code;
        }
        (*own).base.pMethods = &raw const METHODS;
        if let Some(path) = named(name) {
            disk::on_open(path);
            (*own).path = Box::into_raw(Box::new(path.to_owned()));
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    sync_folder: c_int,
) -> c_int {
    if let Some(Err(code)) = named(name).map(disk::on_delete) {
        return code;
    }
    let system = SYSTEM.load(Ordering::Acquire);
    // SAFETY: the system's own function with SQLite's own arguments.
    unsafe {
        match (*system).xDelete {
            Some(delete) => delete(system, name, sync_folder),
            None => ffi::SQLITE_ERROR,
        }
    }
}

/// Calls the system's function for the file behind ours.
macro_rules! system {
    ($file:ident, $method:ident $(, $argument:expr)*) => {{
        let behind = system_file($file);
        // SAFETY: `open` has let the system open it; the arguments are SQLite's own.
        unsafe {
            match (*(*behind).pMethods).$method {
                Some(call) => call(behind $(, $argument)*),
                None => ffi::SQLITE_ERROR,
            }
        }
    }};
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let code = system!(file, xClose);
    // SAFETY: made by `open`, and SQLite closes a file once.
    unsafe {
        let path = std::mem::replace(&mut (*file.cast::<File>()).path, ptr::null_mut());
        if !path.is_null() {
            drop(Box::from_raw(path));
        }
    }
    code
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    into: *mut c_void,
    len: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    system!(file, xRead, into, len, at)
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    len: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    if let Some(path) = path_of(file) {
        // SAFETY: SQLite gives so many bytes.
        let data = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), len as usize) };
        if let Err(code) = disk::on_write(path, at as usize, data) {
            return code;
        }
    }
    system!(file, xWrite, from, len, at)
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, len: ffi::sqlite3_int64) -> c_int {
    if let Some(Err(code)) = path_of(file).map(|path| disk::on_truncate(path, len as usize)) {
        return code;
    }
    system!(file, xTruncate, len)
}

/// Asks the disk only: what really lies on the machine's own disk does not matter to a test.
unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    match path_of(file).map(disk::on_sync) {
        Some(Err(code)) => code,
        Some(Ok(())) | None => ffi::SQLITE_OK,
    }
}

unsafe extern "C" fn file_size(
    file: *mut ffi::sqlite3_file,
    len: *mut ffi::sqlite3_int64,
) -> c_int {
    system!(file, xFileSize, len)
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    system!(file, xLock, level)
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    system!(file, xUnlock, level)
}

unsafe extern "C" fn check_reserved_lock(
    file: *mut ffi::sqlite3_file,
    is_locked: *mut c_int,
) -> c_int {
    system!(file, xCheckReservedLock, is_locked)
}

unsafe extern "C" fn file_control(
    file: *mut ffi::sqlite3_file,
    what: c_int,
    argument: *mut c_void,
) -> c_int {
    system!(file, xFileControl, what, argument)
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    system!(file, xSectorSize)
}

unsafe extern "C" fn device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    system!(file, xDeviceCharacteristics)
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    page: c_int,
    len: c_int,
    extend: c_int,
    mapped: *mut *mut c_void,
) -> c_int {
    if extend != 0
        && let Err(code) = disk::on_index_growth()
    {
        return code;
    }
    system!(file, xShmMap, page, len, extend, mapped)
}

unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    offset: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    system!(file, xShmLock, offset, count, flags)
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    let behind = system_file(file);
    // SAFETY: as for every other function.
    unsafe {
        if let Some(barrier) = (*(*behind).pMethods).xShmBarrier {
            barrier(behind);
        }
    }
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    system!(file, xShmUnmap, delete)
}
