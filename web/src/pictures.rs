//! Pictures of people: how a page shows those that were checked, and how a person's own file becomes one.

use std::cell::RefCell;
use std::collections::BTreeMap;

use client_core::Picture;
use js_sys::{Array, Uint8Array};
use protocol::avatar::{OWN_BYTES_MAX, Png};
use wasm_bindgen::JsCast as _;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, BlobPropertyBag, CanvasRenderingContext2d, File, HtmlCanvasElement, ImageBitmap, Url,
};

use crate::browser;
use crate::error::WebError;

/// What a file may be that becomes a picture.
pub(crate) const KINDS: &str = "image/png,image/jpeg,image/webp";
/// Larger files are not even read.
const FILE_BYTES_MAX: f64 = 20.0 * 1024.0 * 1024.0;
/// Sides of the square that the own picture becomes, in pixels: the first that is small enough.
const SIDES: [u32; 4] = [192, 128, 96, 64];

thread_local! {
    /// By id. They stay for the life of the page: a picture that was shown is shown again.
    static URLS: RefCell<BTreeMap<String, String>> = const { RefCell::new(BTreeMap::new()) };
}

/// Where the page finds a picture.
pub(crate) fn url(picture: &Picture) -> Option<String> {
    URLS.with_borrow_mut(|urls| {
        if let Some(url) = urls.get(&picture.id) {
            return Some(url.clone());
        }
        let url = make_url(picture)?;
        urls.insert(picture.id.clone(), url.clone());
        Some(url)
    })
}

fn make_url(picture: &Picture) -> Option<String> {
    let png = Png::of_base64(&picture.base64)?;
    let parts = Array::of1(&Uint8Array::from(png.bytes()));
    let options = BlobPropertyBag::new();
    options.set_type("image/png");
    let blob = Blob::new_with_u8_array_sequence_and_options(&parts, &options).ok()?;
    Url::create_object_url_with_blob(&blob).ok()
}

/// Makes a file the own picture: the square in its middle, small enough to be kept.
///
/// # Errors
/// [`WebError::Browser`] for what is no picture, or too large.
pub(crate) async fn of_file(file: File) -> Result<Vec<u8>, WebError> {
    let is_fit = KINDS.split(',').any(|kind| kind == file.type_()) && file.size() <= FILE_BYTES_MAX;
    if !is_fit {
        return Err(WebError::Browser("no picture, or too large".to_owned()));
    }
    let bitmap = browser::window().create_image_bitmap_with_blob(&file);
    let bitmap = JsFuture::from(bitmap.map_err(|error| WebError::thrown(&error))?).await;
    let bitmap: ImageBitmap = bitmap
        .map_err(|error| WebError::thrown(&error))?
        .unchecked_into();
    let small = SIDES.into_iter().find_map(|side| drawn(&bitmap, side));
    bitmap.close();
    small.ok_or_else(|| WebError::Browser("the picture stays too large".to_owned()))
}

/// The square in the middle of a picture, with this side; nothing if that is too large to be kept.
fn drawn(bitmap: &ImageBitmap, side: u32) -> Option<Vec<u8>> {
    let canvas = browser::document().create_element("canvas").ok()?;
    let canvas: HtmlCanvasElement = canvas.dyn_into().ok()?;
    canvas.set_width(side);
    canvas.set_height(side);
    let context = canvas.get_context("2d").ok()??;
    let context: CanvasRenderingContext2d = context.dyn_into().ok()?;
    let (width, height) = (f64::from(bitmap.width()), f64::from(bitmap.height()));
    let shorter = width.min(height);
    let (left, top) = ((width - shorter) / 2.0, (height - shorter) / 2.0);
    let to = f64::from(side);
    context
        .draw_image_with_image_bitmap_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
            bitmap, left, top, shorter, shorter, 0.0, 0.0, to, to,
        )
        .ok()?;
    let url = canvas.to_data_url().ok()?;
    let png = Png::of_base64(url.strip_prefix("data:image/png;base64,")?)?;
    (png.bytes().len() <= OWN_BYTES_MAX).then(|| png.bytes().to_vec())
}
