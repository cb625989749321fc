//! Pictures: PNG (not animated), JPEG, BMP, compared by what they decode to.

use std::io::Cursor;

use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, metadata::Orientation};

use crate::{
    Comparison, Finding, Relation, Unread,
    finding::{PICTURE_METADATA, PICTURE_SHOWN, PICTURE_SIZE, PIXELS_DIFFER, PIXELS_EQUAL, new},
};

/// Most pixels of a picture.
const PIXELS_MAX: u64 = 32_000_000;

pub(crate) fn format(bytes: &[u8]) -> Option<ImageFormat> {
    let known = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Bmp];
    image::guess_format(bytes).ok().filter(|format| known.contains(format))
}

/// A decoded picture and what accompanies it.
struct Picture {
    image: DynamicImage,
    colour_profile: Option<Vec<u8>>,
    orientation: Orientation,
    exif: Option<Vec<u8>>,
    xmp: Option<Vec<u8>>,
}

pub(crate) fn compare(presented: &[u8], original: &[u8]) -> Result<Comparison, Finding> {
    let a = read(presented).map_err(|unread| unread.finding("presented"))?;
    let b = read(original).map_err(|unread| unread.finding("original"))?;
    let size = |picture: &Picture| format!("{}x{}", picture.image.width(), picture.image.height());
    if size(&a) != size(&b) {
        let finding = new(&PICTURE_SIZE).with("presented", size(&a)).with("original", size(&b));
        return Ok(Comparison::new(Relation::Different, vec![finding]));
    }
    let (width, height) = (a.image.width(), a.image.height());
    let shown = parts(&[
        ("colour-profile", a.colour_profile != b.colour_profile),
        ("orientation", a.orientation != b.orientation),
    ]);
    let beside = parts(&[("exif", a.exif != b.exif), ("xmp", a.xmp != b.xmp)]);
    let pixels = pixels(a.image, b.image);
    if pixels.differ > 0 {
        let finding = new(&PIXELS_DIFFER)
            .with("differ", pixels.differ)
            .with("of", u64::from(width) * u64::from(height))
            .with("largest", pixels.largest)
            .with("full", pixels.full);
        return Ok(Comparison::new(Relation::Different, vec![finding]));
    }
    let mut findings = vec![new(&PIXELS_EQUAL).with("width", width).with("height", height)];
    findings.extend(beside.map(|parts| new(&PICTURE_METADATA).with("parts", parts)));
    let relation = if shown.is_some() { Relation::PartlyMatching } else { Relation::ContentEqual };
    findings.extend(shown.map(|parts| new(&PICTURE_SHOWN).with("parts", parts)));
    Ok(Comparison::new(relation, findings))
}

/// The names of those that are so.
fn parts(named: &[(&str, bool)]) -> Option<String> {
    let names: Vec<_> = named.iter().filter(|(_, is_so)| *is_so).map(|(name, _)| *name).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn read(bytes: &[u8]) -> Result<Picture, Unread> {
    let form = || Unread::Form("picture");
    let format = format(bytes).ok_or_else(form)?;
    // Only the first picture of an animation would be seen.
    if format == ImageFormat::Png && bytes.windows(4).any(|window| window == b"acTL") {
        return Err(Unread::Form("animated picture"));
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(PIXELS_MAX * 8);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|_| form())?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > PIXELS_MAX {
        return Err(Unread::Limit("pixels"));
    }
    let exif = decoder.exif_metadata().map_err(|_| form())?;
    let xmp = decoder.xmp_metadata().map_err(|_| form())?;
    let colour_profile = decoder.icc_profile().map_err(|_| form())?;
    let orientation = decoder.orientation().map_err(|_| form())?;
    let image = DynamicImage::from_decoder(decoder).map_err(|_| form())?;
    Ok(Picture { image, colour_profile, orientation, exif, xmp })
}

struct Pixels {
    differ: u64,
    largest: u16,
    full: u16,
}

/// Compares in eight bits where both have no more, else in sixteen; grey and colour alike, without a channel for transparency as opaque.
fn pixels(a: DynamicImage, b: DynamicImage) -> Pixels {
    let is_narrow = |image: &DynamicImage| {
        matches!(image.color(), ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8)
    };
    if is_narrow(&a) && is_narrow(&b) {
        let (a, b) = (a.into_rgba8().into_raw(), b.into_rgba8().into_raw());
        differences(&a, &b, u16::from(u8::MAX))
    } else {
        let (a, b) = (a.into_rgba16().into_raw(), b.into_rgba16().into_raw());
        differences(&a, &b, u16::MAX)
    }
}

fn differences<T: Copy + Into<u16>>(a: &[T], b: &[T], full: u16) -> Pixels {
    let mut pixels = Pixels { differ: 0, largest: 0, full };
    for (left, right) in a.chunks(4).zip(b.chunks(4)) {
        let channels = left.iter().zip(right).map(|(x, y)| (*x).into().abs_diff((*y).into()));
        let largest = channels.max().unwrap_or(0);
        pixels.differ += u64::from(largest > 0);
        pixels.largest = pixels.largest.max(largest);
    }
    pixels
}
