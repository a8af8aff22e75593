//! LIM-05: counts bytes below the WebSocket layer, where even empty continuation frames are seen.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::config::Limits;

/// Bytes that came since the last whole message, and since when.
#[derive(Debug)]
pub(crate) struct Meter {
    zero: Instant,
    /// 0 as long as nothing is bounded.
    bytes_max: AtomicU64,
    time_max_ms: AtomicU64,
    bytes: AtomicU64,
    since_ms: AtomicU64,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self {
            zero: Instant::now(),
            bytes_max: AtomicU64::new(0),
            time_max_ms: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            since_ms: AtomicU64::new(0),
        }
    }

    /// Bounds what comes from here on.
    pub(super) fn arm(&self, limits: &Limits) {
        let bytes_max = 2 * limits.frame_bytes() as u64;
        self.time_max_ms.store(limits.message_ms, Relaxed);
        self.bytes.store(0, Relaxed);
        self.bytes_max.store(bytes_max.max(1), Relaxed);
    }

    /// Bounds nothing any more.
    pub(super) fn disarm(&self) {
        self.bytes_max.store(0, Relaxed);
    }

    /// A whole message was taken.
    pub(super) fn whole_message(&self) {
        self.bytes.store(0, Relaxed);
    }

    /// A control frame was taken; it is no part of a message, and LIM-06 counts it.
    pub(super) fn control_frame(&self, payload: usize) {
        let len = payload as u64 + 6;
        let bytes = self.bytes.load(Relaxed);
        self.bytes.store(bytes.saturating_sub(len), Relaxed);
    }

    /// The server itself did not read for a while; the peer is not to blame.
    pub(super) fn excuse(&self) {
        self.since_ms.store(self.now_ms(), Relaxed);
    }

    /// Whether a message is under way for too long.
    pub(super) fn is_overdue(&self) -> bool {
        let max = Duration::from_millis(self.time_max_ms.load(Relaxed));
        let since = Duration::from_millis(self.since_ms.load(Relaxed));
        let is_under_way = self.bytes.load(Relaxed) > 0;
        is_under_way && self.zero.elapsed().saturating_sub(since) > max
    }

    fn count(&self, len: usize) -> io::Result<()> {
        let max = self.bytes_max.load(Relaxed);
        if max == 0 || len == 0 {
            return Ok(());
        }
        let before = self.bytes.fetch_add(len as u64, Relaxed);
        if before == 0 {
            self.since_ms.store(self.now_ms(), Relaxed);
        }
        if before + len as u64 > max || self.is_overdue() {
            return Err(io::Error::other("message without end"));
        }
        Ok(())
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.zero.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// A stream whose incoming bytes a [`Meter`] counts.
pub(crate) struct Metered<T> {
    inner: T,
    meter: Arc<Meter>,
}

impl<T> Metered<T> {
    pub(crate) fn new(inner: T, meter: Arc<Meter>) -> Self {
        Self { inner, meter }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Metered<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        match polled {
            Poll::Ready(Ok(())) => Poll::Ready(self.meter.count(buf.filled().len() - before)),
            Poll::Ready(Err(_)) | Poll::Pending => polled,
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Metered<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn armed() -> Meter {
        let meter = Meter::new();
        meter.arm(&Limits {
            stanza_bytes: 904,
            message_ms: 1_000,
            ..Limits::default()
        });
        meter
    }

    // proves: LIM-05 SEC-12
    #[tokio::test]
    async fn a_message_without_end_is_cut_off_by_bytes() {
        let meter = armed();
        assert!(meter.count(10_000).is_ok());
        assert!(meter.count(1).is_err());
        let meter = armed();
        for _ in 0..100 {
            assert!(meter.count(9_999).is_ok());
            meter.whole_message();
        }
    }

    // proves: LIM-05
    #[tokio::test(start_paused = true)]
    async fn a_message_without_end_is_cut_off_by_time_and_control_frames_do_not_save_it() {
        let meter = armed();
        assert!(meter.count(10).is_ok());
        assert!(meter.count(16).is_ok());
        meter.control_frame(10);
        tokio::time::advance(Duration::from_millis(1_001)).await;
        assert!(meter.is_overdue() && meter.count(1).is_err());
        meter.excuse();
        assert!(meter.count(1).is_ok());
        meter.whole_message();
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(!meter.is_overdue() && meter.count(1).is_ok());
    }
}
