//! PDF: which pages are the same after decoding, however the file's objects are numbered, ordered and compressed.
//!
//! A page's digest covers its decoded content and everything that this refers to, fonts and pictures; annotations, forms, attachments, scripts and
//! layers are compared as parts beside the pages. Text is not extracted and nothing is drawn. Encrypted files are not compared.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use lopdf::{DecompressError, Dictionary, Document, Error, LoadOptions, Object, ObjectId, Stream};
use xiezhi_crypto::{DigestAlg, DigestHasher};

use crate::{
    Comparison, Finding, Match, Relation, Unit, Unread,
    finding::{PAGES_EQUAL, PAGES_NONE, PAGES_PARTLY, PDF_METADATA, PDF_PARTS, new},
};

/// Longest file that is read.
const FILE_BYTES_MAX: usize = 32 << 20;
/// Most bytes that one stream may decode to while the file is read.
const STREAM_BYTES_MAX: usize = 16 << 20;
/// Most bytes that the streams of a file may decode to.
const DECODED_BYTES_MAX: usize = 512 << 20;
/// Most objects that are looked at, counted anew for each page.
const OBJECTS_MAX: usize = 1_000_000;
/// Deepest nesting of objects.
const DEPTH_MAX: usize = 120;
/// Most pages.
const PAGES_MAX: usize = 5_000;

/// What pages inherit from the nodes above them. ISO 32000-1, 7.7.3.4.
const INHERITED: [&[u8]; 4] = [b"Resources", b"MediaBox", b"CropBox", b"Rotate"];
/// Not part of a page's look, or leading back up.
const PASSED_OVER: [&[u8]; 7] =
    [b"Parent", b"P", b"StructParent", b"StructParents", b"LastModified", b"PieceInfo", b"Metadata"];
/// Of the catalog: the pages themselves, and the file's version.
const NOT_PARTS: [&[u8]; 4] = [b"Type", b"Pages", b"Version", b"Extensions"];
/// Of the catalog: says something about the document.
const METADATA: [&[u8]; 2] = [b"Metadata", b"PieceInfo"];

type Hash = [u8; 32];

/// A document by digests.
struct Read {
    pages: Vec<Hash>,
    annotations: Vec<Hash>,
    parts: BTreeMap<String, Hash>,
    metadata: Vec<Option<Hash>>,
}

pub(crate) fn compare(presented: &[u8], original: &[u8]) -> Result<Comparison, Finding> {
    let a = read(presented).map_err(|unread| unread.finding("presented"))?;
    let b = read(original).map_err(|unread| unread.finding("original"))?;
    let mut beside = Vec::new();
    if a.metadata != b.metadata {
        beside.push(new(&PDF_METADATA));
    }
    let parts = parts(&a, &b);
    if !parts.is_empty() {
        beside.push(new(&PDF_PARTS).with("parts", parts.join(", ")));
    }
    let matches = matches(&a.pages, &b.pages);
    let (relation, finding) = if matches.is_empty() {
        (Relation::Different, new(&PAGES_NONE))
    } else if a.pages == b.pages {
        let relation = if parts.is_empty() { Relation::ContentEqual } else { Relation::PartlyMatching };
        (relation, new(&PAGES_EQUAL).with("pages", a.pages.len()))
    } else {
        let known: BTreeSet<_> = b.pages.iter().collect();
        let same = a.pages.iter().filter(|page| known.contains(page)).count();
        let finding = new(&PAGES_PARTLY)
            .with("same", same)
            .with("presented", a.pages.len())
            .with("original", b.pages.len());
        (Relation::PartlyMatching, finding)
    };
    let findings = [finding].into_iter().chain(beside).collect();
    Ok(Comparison::new(relation, findings).with(matches))
}

/// Names of the parts beside the pages that differ; annotations only where the pages are the same otherwise.
fn parts(a: &Read, b: &Read) -> Vec<String> {
    let names: BTreeSet<_> = a.parts.keys().chain(b.parts.keys()).collect();
    let mut parts: Vec<_> =
        names.into_iter().filter(|name| a.parts.get(*name) != b.parts.get(*name)).cloned().collect();
    if a.pages == b.pages && a.annotations != b.annotations {
        parts.push("Annots".to_owned());
    }
    parts
}

/// Runs of pages that are the same, each page of the presented file once: at the same place in a run if it can be, else wherever it is first.
fn matches(a: &[Hash], b: &[Hash]) -> Vec<Match> {
    let mut first: HashMap<&Hash, usize> = HashMap::new();
    for (at, page) in b.iter().enumerate().rev() {
        first.insert(page, at);
    }
    let mut runs: Vec<(usize, usize, usize)> = Vec::new();
    for (at, page) in a.iter().enumerate() {
        if let Some((_, _, n)) = runs.last_mut().filter(|(x, y, n)| x + n == at && b.get(y + n) == Some(page))
        {
            *n += 1;
        } else if let Some(other) = first.get(page) {
            runs.push((at, *other, 1));
        }
    }
    runs.into_iter().map(|(x, y, n)| Match::range(Unit::Page, x as u64 + 1, y as u64 + 1, n as u64)).collect()
}

fn read(bytes: &[u8]) -> Result<Read, Unread> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(Unread::Limit("file"));
    }
    let form = Unread::Form("PDF");
    let options = LoadOptions { max_decompressed_size: Some(STREAM_BYTES_MAX), ..LoadOptions::default() };
    let document = Document::load_mem_with_options(bytes, options).map_err(|_| form)?;
    if document.was_encrypted() || document.is_encrypted() {
        return Err(Unread::Form("encrypted PDF"));
    }
    let ids: Vec<_> = document.page_iter().take(PAGES_MAX + 1).collect();
    if ids.len() > PAGES_MAX {
        return Err(Unread::Limit("pages"));
    }
    if ids.is_empty() {
        return Err(form);
    }
    let numbers = ids.iter().enumerate().map(|(at, id)| (*id, at)).collect();
    let mut walk = Walk {
        document: &document,
        numbers,
        known: HashMap::new(),
        open: Vec::new(),
        objects: 0,
        decoded: 0,
    };
    let mut found =
        Read { pages: Vec::new(), annotations: Vec::new(), parts: BTreeMap::new(), metadata: Vec::new() };
    for id in ids {
        let page = document.get_dictionary(id).map_err(|_| form)?;
        walk.objects = 0;
        found.pages.push(walk.page(page)?);
        found.annotations.push(walk.object(page.get(b"Annots").unwrap_or(&Object::Null), 0)?);
    }
    let catalog = document.catalog().map_err(|_| form)?;
    walk.objects = 0;
    for (key, value) in catalog
        .iter()
        .filter(|(key, _)| !NOT_PARTS.contains(&key.as_slice()) && !METADATA.contains(&key.as_slice()))
    {
        found.parts.insert(String::from_utf8_lossy(key).into_owned(), walk.object(value, 0)?);
    }
    let metadata =
        METADATA.iter().map(|key| catalog.get(key).ok()).chain([document.trailer.get(b"Info").ok()]);
    found.metadata = metadata
        .map(|value| value.map(|value| walk.object(value, 0)).transpose())
        .collect::<Result<_, _>>()?;
    Ok(found)
}

/// Digests objects by what they mean: references are followed, streams decoded, keys sorted.
struct Walk<'a> {
    document: &'a Document,
    numbers: HashMap<ObjectId, usize>,
    known: HashMap<ObjectId, Hash>,
    /// The objects on the way from the root to here.
    open: Vec<ObjectId>,
    objects: usize,
    decoded: usize,
}

fn digest(parts: &[&[u8]]) -> Hash {
    let mut hasher = DigestHasher::new(&[DigestAlg::Sha256]);
    for part in parts {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finish().1.first().map_or([0; 32], |digest| digest.value)
}

impl Walk<'_> {
    /// A page without its annotations.
    fn page(&mut self, page: &Dictionary) -> Result<Hash, Unread> {
        let mut whole = page.clone();
        for key in INHERITED {
            if !whole.has(key)
                && let Some(value) = self.inherited(page, key)
            {
                whole.set(key, value);
            }
        }
        whole.remove(b"Annots");
        let contents = match whole.remove(b"Contents") {
            Some(contents) => self.contents(&contents)?,
            None => Vec::new(),
        };
        let rest = self.dictionary(&whole, 0)?;
        Ok(digest(&[b"page", &contents, &rest]))
    }

    fn inherited(&self, page: &Dictionary, key: &[u8]) -> Option<Object> {
        let mut node = page;
        for _ in 0..DEPTH_MAX {
            node = self.document.get_dictionary(node.get(b"Parent").ok()?.as_reference().ok()?).ok()?;
            if let Ok(value) = node.get(key) {
                return Some(value.clone());
            }
        }
        None
    }

    /// The decoded content streams, one after another.
    fn contents(&mut self, contents: &Object) -> Result<Vec<u8>, Unread> {
        let document = self.document;
        let streams = match document.dereference(contents).map_err(|_| Unread::Form("PDF"))?.1 {
            Object::Array(streams) => streams.clone(),
            other => vec![other.clone()],
        };
        let mut out = Vec::new();
        for stream in &streams {
            if let Ok((_, Object::Stream(stream))) = document.dereference(stream) {
                let bytes = self.decode(stream)?.ok_or(Unread::Form("PDF"))?;
                out.extend_from_slice(bytes.trim_ascii_end());
                out.push(b'\n');
            }
        }
        Ok(out)
    }

    /// The decoded stream; none where a filter is one of pictures, or not known.
    fn decode(&mut self, stream: &Stream) -> Result<Option<Vec<u8>>, Unread> {
        let left = DECODED_BYTES_MAX.saturating_sub(self.decoded).min(STREAM_BYTES_MAX * 4);
        match stream.get_plain_content_with_limit(left) {
            Ok(bytes) => {
                self.decoded += bytes.len();
                Ok(Some(bytes))
            }
            Err(Error::Decompress(DecompressError::MemoryLimitExceeded { .. })) => {
                Err(Unread::Limit("decoded"))
            }
            Err(_) => Ok(None),
        }
    }

    fn object(&mut self, object: &Object, depth: usize) -> Result<Hash, Unread> {
        self.objects += 1;
        if depth > DEPTH_MAX || self.objects > OBJECTS_MAX {
            return Err(Unread::Limit("objects"));
        }
        Ok(match object {
            Object::Null => digest(&[b"null"]),
            Object::Boolean(value) => digest(&[b"boolean", &[u8::from(*value)]]),
            Object::Integer(value) => digest(&[b"number", &(*value as f64).to_be_bytes()]),
            Object::Real(value) => digest(&[b"number", &f64::from(*value).to_be_bytes()]),
            Object::Name(name) => digest(&[b"name", name]),
            Object::String(text, _) => digest(&[b"string", text]),
            Object::Array(items) => {
                let items: Vec<_> =
                    items.iter().map(|item| self.object(item, depth + 1)).collect::<Result<_, _>>()?;
                digest(&[b"array", &items.concat()])
            }
            Object::Dictionary(dictionary) => self.dictionary(dictionary, depth)?,
            Object::Stream(stream) => self.stream(stream, depth)?,
            Object::Reference(id) => self.reference(*id, depth)?,
        })
    }

    fn dictionary(&mut self, dictionary: &Dictionary, depth: usize) -> Result<Hash, Unread> {
        let entries = dictionary.iter().filter(|(key, _)| !PASSED_OVER.contains(&key.as_slice()));
        let sorted: BTreeMap<_, _> = entries.collect();
        let mut parts = Vec::new();
        for (key, value) in sorted {
            parts.extend(digest(&[key]));
            parts.extend(self.object(value, depth + 1)?);
        }
        Ok(digest(&[b"dictionary", &parts]))
    }

    fn stream(&mut self, stream: &Stream, depth: usize) -> Result<Hash, Unread> {
        let mut dictionary = stream.dict.clone();
        dictionary.remove(b"Length");
        let decoded = self.decode(stream)?;
        if decoded.is_some() {
            for key in [b"Filter".as_slice(), b"DecodeParms", b"DL"] {
                dictionary.remove(key);
            }
        }
        let rest = self.dictionary(&dictionary, depth)?;
        Ok(digest(&[b"stream", decoded.as_deref().unwrap_or(&stream.content), &rest]))
    }

    /// Pages referred to, as by links, are named by their number: a page does not change with those it leads to.
    fn reference(&mut self, id: ObjectId, depth: usize) -> Result<Hash, Unread> {
        if let Some(number) = self.numbers.get(&id) {
            return Ok(digest(&[b"to page", &number.to_be_bytes()]));
        }
        if let Some(known) = self.known.get(&id) {
            return Ok(*known);
        }
        if let Some(back) = self.open.iter().rev().position(|open| *open == id) {
            return Ok(digest(&[b"back", &back.to_be_bytes()]));
        }
        let document = self.document;
        let object = document.get_object(id).unwrap_or(&Object::Null);
        self.open.push(id);
        let found = self.object(object, depth + 1)?;
        self.open.pop();
        self.known.insert(id, found);
        Ok(found)
    }
}
