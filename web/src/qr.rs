//! Links as pictures that a phone's camera reads.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};

/// Light modules around the code, which cameras need (ISO/IEC 18004 §6.3.8).
const QUIET: i32 = 4;

/// A code as the path of a drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    /// Width and height with the quiet zone, in modules.
    pub(crate) size: i32,
    /// The dark modules.
    pub(crate) path: String,
}

/// Draws a text; `None` if it is too long for any code.
pub(crate) fn draw(text: &str) -> Option<Picture> {
    let code = QrCode::encode_binary(text.as_bytes(), QrCodeEcc::Medium).ok()?;
    let mut path = String::new();
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let run = (x..code.size()).take_while(|x| code.get_module(*x, y));
            let len = i32::try_from(run.count()).unwrap_or(0);
            if len > 0 {
                let _ = write!(path, "M{} {}h{len}v1h-{len}z", x + QUIET, y + QUIET);
            }
            x += len.max(1);
        }
    }
    let size = code.size() + 2 * QUIET;
    Some(Picture { size, path })
}
