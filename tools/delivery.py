"""Delivery fees. The function's schema is derived from its signature and docstring."""

from typing import Literal

BASE_FEE = 8.0
FEE_PER_KM = 1.5
FEE_PER_STEM = 0.1


def quote_delivery(
    distance_km: float, stems: int, speed: Literal["standard", "express"] = "standard"
) -> dict:
    """Quote the fee for one delivery, in yuan.

    Args:
        distance_km: distance from the shop to the door, in kilometres.
        stems: how many stems are delivered.
        speed: express costs half as much again.
    """
    if distance_km <= 0 or stems < 1:
        raise ValueError("distance_km must be above 0 and stems at least 1")
    fee = BASE_FEE + FEE_PER_KM * distance_km + FEE_PER_STEM * stems
    return {"fee": round(fee * (1.5 if speed == "express" else 1), 2), "currency": "CNY"}
