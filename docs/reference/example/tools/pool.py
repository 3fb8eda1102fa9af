def fee(guests: int) -> float:
    """The fee for so many guests, in euro."""
    return 7.0 * guests


def open_gate(gate: int) -> str:
    """Open one of the gates."""
    return f"gate {gate} is open"


def refund(amount: float) -> dict:
    """Give money back."""
    return {"refunded": amount}
