//! Bytes as the server writes them: little-endian numbers, texts behind their length.

/// What has not been read of an event yet. Nothing comes where too little is left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of so many bytes, eight at most.
    pub(super) fn number(&mut self, bytes: usize) -> Option<u64> {
        Some(self.take(bytes)?.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b)))
    }

    /// A number whose highest byte comes first.
    pub(super) fn big_endian(&mut self, bytes: usize) -> Option<u64> {
        Some(self.take(bytes)?.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
    }

    /// A number of so many bytes that says how many bytes or things follow.
    pub(super) fn length(&mut self, bytes: usize) -> Option<usize> {
        self.number(bytes).and_then(|n| usize::try_from(n).ok())
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|b| b[0])
    }

    /// A number whose first byte tells how many bytes it has.
    pub(super) fn packed(&mut self) -> Option<u64> {
        match self.byte()? {
            n @ 0..=250 => Some(u64::from(n)),
            252 => self.number(2),
            253 => self.number(3),
            254 => self.number(8),
            _ => None,
        }
    }

    /// Bytes behind a number that tells how many.
    pub(super) fn packed_bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.packed()?).ok()?;
        self.take(length)
    }

    /// Bytes behind their length, of so many bytes.
    pub(super) fn behind_length(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let length = self.length(bytes)?;
        self.take(length)
    }

    /// Bytes up to the next NUL, which is left out.
    pub(super) fn until_nul(&mut self) -> Option<&'a [u8]> {
        let end = memchr::memchr(0, self.0)?;
        let taken = self.take(end)?;
        self.take(1)?;
        Some(taken)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A bit of a bitmap whose first is the lowest.
pub(super) fn bit(bitmap: &[u8], at: usize) -> bool {
    bitmap.get(at / 8).is_some_and(|byte| byte & (1 << (at % 8)) != 0)
}
