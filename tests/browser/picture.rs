//! Pictures of pages, made small: a page has few colours, and a picture with a palette takes a third.

use png::{BitDepth, ColorType, Compression, Decoder, Encoder, Filter};
use std::collections::BTreeMap;
use std::io::Cursor;

type Color = [u8; 3];

/// How many colours a palette holds.
const COLORS: usize = 256;

/// The same picture with the commonest colours, and in the place of each other one the nearest of them.
pub(crate) fn with_a_palette(picture: &[u8]) -> Vec<u8> {
    let mut reader = Decoder::new(Cursor::new(picture)).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    assert_eq!((info.color_type, info.bit_depth), (ColorType::Rgb, BitDepth::Eight));
    let pixels: Vec<Color> = bytes.as_chunks::<3>().0.to_vec();
    let mut counts: BTreeMap<Color, usize> = BTreeMap::new();
    for pixel in &pixels {
        *counts.entry(*pixel).or_default() += 1;
    }
    let mut palette: Vec<(Color, usize)> =
        counts.iter().map(|(color, count)| (*color, *count)).collect();
    palette.sort_by_key(|(_, count)| usize::MAX - count);
    let palette: Vec<Color> = palette.into_iter().take(COLORS).map(|(color, _)| color).collect();
    let places: BTreeMap<Color, u8> =
        counts.keys().map(|color| (*color, nearest(&palette, *color))).collect();
    let indexed: Vec<u8> = pixels.iter().map(|pixel| places[pixel]).collect();
    let mut small = Vec::new();
    let mut encoder = Encoder::new(&mut small, info.width, info.height);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette(palette.concat());
    encoder.set_compression(Compression::High);
    encoder.set_filter(Filter::NoFilter);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&indexed).unwrap();
    writer.finish().unwrap();
    small
}

fn nearest(palette: &[Color], color: Color) -> u8 {
    let distance = |other: &Color| -> u32 {
        color.iter().zip(other).map(|(one, other)| u32::from(one.abs_diff(*other)).pow(2)).sum()
    };
    let nearest = palette.iter().enumerate().min_by_key(|(_, other)| distance(other)).unwrap();
    u8::try_from(nearest.0).unwrap()
}

#[test]
fn a_picture_of_few_colours_stays_as_it_is() {
    let mut picture = Vec::new();
    let mut encoder = Encoder::new(&mut picture, 2, 1);
    encoder.set_color(ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(&[9, 8, 7, 255, 0, 0]).unwrap();
    let small = with_a_palette(&picture);
    let mut decoder = Decoder::new(Cursor::new(small));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut bytes).unwrap();
    assert_eq!(bytes, [9, 8, 7, 255, 0, 0]);
}
