"""The contracts of explanations: what a consumer requests, and what an explainer answers."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, Field

from schemas.events import Answer, ModelStamp

ExplanationMethod = Literal["tree_shap", "permutation_shap"]
UnexplainedReason = Literal["no_method", "model_rejected", "invalid_request", "poison"]

REQUEST_FIELD = b"request"
"""The field of an entry of `explain` beside `data`, which holds the prediction."""


class ExplainRequest(BaseModel):
    """What an explainer needs beside the prediction: the row as it was scored, and where the model is."""

    features: dict[str, float | str | None] = Field(description="by column, as they were scored; null for a gap")
    digest: str = Field(description="of the model that predicted")
    uri: str = Field(description="of the model that predicted")


class FeatureContribution(BaseModel):
    """What one feature contributes."""

    feature: str
    value: float | str | None = Field(description="null where it was missing and filled")
    contribution: float = Field(description="in the explanation's unit")


class ExplanationData(BaseModel):
    """An explanation's data: `base` and all contributions add up to `value`."""

    listing_id: str
    listing_source: str
    prediction: float | str
    method: ExplanationMethod
    unit: str = Field(description="the target's unit, or `probability of <class>`")
    value: float = Field(description="what is explained: the prediction, or the probability of the predicted class")
    base: float = Field(description="the value for no row in particular: the mean over training or background rows")
    contributions: list[FeatureContribution] = Field(description="the largest first, whatever their sign")
    model: ModelStamp
    interval: tuple[float, float] | None = Field(default=None, description="as in the prediction")
    candidates: list[str] | None = Field(default=None, description="as in the prediction")
    coverage: float | None = Field(default=None, description="as in the prediction")


class ExplainedListing(Answer):
    """Why a prediction is what it is; `id` is the entry id of the listing."""

    type: Literal["listing.explained"] = "listing.explained"
    data: ExplanationData


class UnexplainedData(BaseModel):
    """Why there is no explanation."""

    listing_id: str
    listing_source: str
    reason: UnexplainedReason
    message: str
    model: ModelStamp | None = None


class UnexplainedListing(Answer):
    """An explanation was wanted, and none can be given."""

    type: Literal["listing.unexplained"] = "listing.unexplained"
    data: UnexplainedData


ExplanationAnswer: TypeAlias = Annotated[ExplainedListing | UnexplainedListing, Field(discriminator="type")]
"""The answer to one request."""
