//! As much JSON as a seat needs: a flat object is written, and the texts of one are read. `serde_json` reads and writes
//! everything, and would be a fifth of the module.

/// An object that is being written.
#[derive(Debug, Default)]
pub struct Object {
    json: String,
}

impl Object {
    /// Adds a text.
    pub fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        self.quote(text);
    }

    /// Adds a number.
    pub fn number(&mut self, name: &str, number: u8) {
        self.name(name);
        self.json.push_str(&number.to_string());
    }

    /// The whole object.
    pub fn into_bytes(mut self) -> Vec<u8> {
        self.json.push_str(if self.json.is_empty() { "{}" } else { "}" });
        self.json.into_bytes()
    }

    fn name(&mut self, name: &str) {
        self.json.push(if self.json.is_empty() { '{' } else { ',' });
        self.quote(name);
        self.json.push(':');
    }

    fn quote(&mut self, text: &str) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.json.push('"');
        for character in text.chars() {
            match character {
                '"' | '\\' => self.json.extend(['\\', character]),
                '\0'..=' ' if character != ' ' => {
                    let digit = |nibble: u32| char::from(DIGITS[nibble as usize & 15]);
                    let code = u32::from(character);
                    self.json.extend(['\\', 'u', '0', '0', digit(code >> 4), digit(code)]);
                }
                _ => self.json.push(character),
            }
        }
        self.json.push('"');
    }
}

/// The texts of an object.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Texts(Vec<(String, String)>);

impl Texts {
    /// Reads an object; `None` if the bytes are none. What is not a text is passed over.
    pub fn of(json: &[u8]) -> Option<Self> {
        let mut reader = Reader { rest: json };
        let mut texts = Vec::new();
        reader.expect(b'{')?;
        let mut is_over = reader.expect(b'}').is_some();
        while !is_over {
            let name = reader.text()?;
            reader.expect(b':')?;
            if reader.peek()? == b'"' {
                texts.push((name, reader.text()?));
            } else {
                reader.pass()?;
            }
            is_over = reader.expect(b',').is_none();
            if is_over {
                reader.expect(b'}')?;
            }
        }
        reader.peek().is_none().then_some(Self(texts))
    }

    /// The text of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(named, _)| named == name).map(|(_, text)| text.as_str())
    }
}

/// What is still to be read.
struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn next(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    /// The next byte that is not white space; it stays.
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.rest.first() {
            self.next();
        }
        self.rest.first().copied()
    }

    /// Takes this byte if it is next.
    fn expect(&mut self, byte: u8) -> Option<u8> {
        if self.peek()? == byte { self.next() } else { None }
    }

    fn text(&mut self) -> Option<String> {
        self.expect(b'"')?;
        let mut text = Vec::new();
        loop {
            match self.next()? {
                b'"' => return String::from_utf8(text).ok(),
                b'\\' => {
                    let character = match self.next()? {
                        byte @ (b'"' | b'\\' | b'/') => char::from(byte),
                        b'b' => '\u{8}',
                        b'f' => '\u{c}',
                        b'n' => '\n',
                        b'r' => '\r',
                        b't' => '\t',
                        b'u' => self.escaped()?,
                        _ => return None,
                    };
                    text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
                0..b' ' => return None,
                byte => text.push(byte),
            }
        }
    }

    /// The character after `\u`, in one half or two.
    fn escaped(&mut self) -> Option<char> {
        let first = self.half()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first);
        }
        let (b'\\', b'u') = (self.next()?, self.next()?) else { return None };
        let second = self.half()?.checked_sub(0xdc00).filter(|second| *second < 0x400)?;
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + second)
    }

    fn half(&mut self) -> Option<u32> {
        let mut half = 0;
        for _ in 0..4 {
            half = half * 16 + char::from(self.next()?).to_digit(16)?;
        }
        Some(half)
    }

    /// Passes over a value, which is not looked at closely.
    fn pass(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.text()?;
                }
                b'{' | b'[' => {
                    self.next();
                    depth += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.next();
                }
                b',' | b':' => {
                    (depth > 0).then(|| self.next())?;
                    continue;
                }
                _ => {
                    while self.rest.first().is_some_and(|byte| !b",:{}[]\" \n\r\t".contains(byte)) {
                        self.next();
                    }
                }
            }
            if depth == 0 {
                return Some(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const AWKWARD: [&str; 5] = ["", "Ada", "\"\\/ \u{1}\n\t\u{1f}\u{7f}", "ä😀\u{2028}", "{\"a\":[\"b\"]}"];

    #[test]
    fn what_is_written_is_json() -> Result<(), serde_json::Error> {
        assert_eq!(Object::default().into_bytes(), b"{}");
        for text in AWKWARD {
            let mut object = Object::default();
            object.text("name", text);
            object.number("protocol", 255);
            object.text(text, "");
            let read: Value = serde_json::from_slice(&object.into_bytes())?;
            assert_eq!(read, json!({ "name": text, "protocol": 255, text: "" }));
        }
        Ok(())
    }

    #[test]
    fn the_texts_of_an_object_are_read_whatever_else_is_in_it() {
        for text in AWKWARD {
            let object = json!({ "a": -1.5e3, "b": null, "c": true, "d": text, "e": [[], {}, [1, { "d": "x" }], "y"],
                "f": { "d": "z", "g": text }, "h": text, text: "i" });
            for json in [object.to_string(), format!(" \n{object:#}\t")] {
                let texts = Texts::of(json.as_bytes()).unwrap_or_default();
                assert_eq!([texts.get("d"), texts.get("h"), texts.get(text)], [Some(text), Some(text), Some("i")]);
                assert_eq!([texts.get("a"), texts.get("e"), texts.get("g")], [None; 3]);
            }
        }
        assert_eq!(Texts::of(b"{ }"), Some(Texts::default()));
        let escaped = Texts::of(br#"{"a":"\u00e4\uD83D\ude00\b\f\r\/"}"#).unwrap_or_default();
        assert_eq!(escaped.get("a"), Some("ä😀\u{8}\u{c}\r/"));
    }

    #[test]
    fn what_is_not_an_object_is_none() {
        let wrong: [&[u8]; 17] = [
            b"",
            b"[]",
            b"\"a\"",
            b"{",
            b"{\"a\"}",
            b"{\"a\":}",
            b"{\"a\":1,}",
            b"{\"a\":1]",
            b"{\"a\":[1}",
            b"{\"a\":\"b}",
            b"{\"a\":\"\n\"}",
            b"{\"a\":\"\\x\"}",
            b"{\"a\":\"\\ud800\"}",
            b"{\"a\":\"\\ud800\\u0041\"}",
            b"{\"a\":\"\xff\"}",
            b"{} {}",
            b"<html>",
        ];
        for json in wrong {
            assert_eq!(Texts::of(json), None, "{}", String::from_utf8_lossy(json));
        }
    }
}
