"""The `review` section of the project file."""

from pydantic import Field

from luthier.section import Section


class ReviewConfig(Section):
    """How many people must look at a row."""

    reviewers_required: int = Field(default=2, ge=1, le=5, description="Different people who must mark each row.")
