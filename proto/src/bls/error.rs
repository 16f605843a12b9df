//! Why bytes are no key or signature, or a signature does not hold.

/// Why bytes are no key or signature, or a signature does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlsError {
    /// The bytes have the wrong length.
    #[error("{got} bytes where {expected} are expected")]
    Length {
        /// What the encoding takes.
        expected: usize,
        /// What was given.
        got: usize,
    },
    /// A secret key is zero or not below the group's order.
    #[error("the secret key is zero or not below the order of the group")]
    SecretKey,
    /// A coordinate is not below the field's modulus; its encoding is not canonical.
    #[error("a coordinate is not below the modulus of the field")]
    Coordinate,
    /// The coordinates do not satisfy the curve's equation.
    #[error("the point is not on the curve")]
    Curve,
    /// The point is on the curve, but outside the subgroup of prime order.
    #[error("the point is not in the subgroup")]
    Subgroup,
    /// The point at infinity, which would verify with anything.
    #[error("the point is at infinity")]
    Infinity,
    /// The pairing equation does not hold.
    #[error("the signature does not verify")]
    WrongSignature,
}

/// `bytes` as an array, or the typed complaint about its length.
pub(super) fn exactly<const N: usize>(bytes: &[u8]) -> Result<&[u8; N], BlsError> {
    bytes.try_into().map_err(|_| BlsError::Length { expected: N, got: bytes.len() })
}
