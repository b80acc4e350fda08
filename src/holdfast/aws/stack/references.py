"""From what a plan calls its parts to what CloudFormation calls them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import jsii
from aws_cdk import Arn, ArnComponents, ArnFormat, Aws, IStableStringProducer, Lazy, Stack, Tags
from aws_cdk import aws_iam as iam
from constructs import Construct

from holdfast.aws.resources import Joined, Ref, Role, Statement, Value

_SUFFIX: Final = "-??????"
"""Secrets Manager adds six characters to the name of a secret, and lets nobody know them before."""

_NAMED: Final = ("secret:", "new-secret:", "parameter:", "function:", "states:")


class Part(NamedTuple):
    """One resource, by whatever it goes by; tokens of the CDK."""

    name: str = ""
    arn: str = ""
    url: str = ""
    id: str = ""


class References:
    """Finds the parts of one webhook, those of the stack, and those of its neighbours."""

    def __init__(self, shared: Mapping[str, Part], neighbour: Callable[[str], References]) -> None:
        self._parts = dict(shared)
        self._neighbour = neighbour

    def add(self, name: str, part: Part) -> None:
        self._parts[name] = part

    def value(self, value: Value) -> str:
        if isinstance(value, Joined):
            return "".join(map(self.value, value.parts))
        if not isinstance(value, Ref):
            return value
        if value.webhook is None:
            return str(getattr(self._parts[value.part], value.attribute))
        # The other may not be there yet: it is asked for when the template is written.
        wanted = Ref(value.part, value.attribute)
        name = value.webhook
        return str(Lazy.string(_Later(lambda: self._neighbour(name).value(wanted))))

    def values(self, values: Mapping[str, Value]) -> dict[str, str]:
        return {name: self.value(value) for name, value in values.items()}

    def role(self, scope: Construct, role: Role) -> iam.Role:
        """With its rights inside, so that whoever waits for the role waits for them too; or apart,
        below it in the tree, to be waited for."""
        conditions = {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
        rights = self._policy(scope, role.statements)
        made = iam.Role(
            scope,
            role.part.replace(":", "-"),
            assumed_by=iam.ServicePrincipal(
                role.service, conditions=conditions if role.same_account else None
            ),
            inline_policies=None if role.apart else {"rights": rights},
        )
        if role.apart:
            iam.Policy(made, "rights", document=rights, roles=[made])
        self.add(role.part, Part(made.role_name, made.role_arn, id=made.role_id))
        return made

    def _policy(self, scope: Construct, statements: tuple[Statement, ...]) -> iam.PolicyDocument:
        return iam.PolicyDocument(
            statements=[
                iam.PolicyStatement(
                    actions=list(each.actions),
                    resources=[self._resource(scope, one) for one in each.resources],
                    conditions={
                        operator: {name: [*map(self.value, one)] for name, one in keys.items()}
                        for operator, keys in each.conditions.items()
                    }
                    or None,
                )
                for each in statements
            ]
        )

    def _resource(self, scope: Construct, value: Value) -> str:
        if not isinstance(value, str) or not value.startswith(_NAMED):
            return self.value(value)
        kind, _, name = value.partition(":")
        if name.startswith("arn:"):
            return name
        if kind == "states":
            components = ArnComponents(
                service="states",
                resource="stateMachine",
                resource_name=name,
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )
        elif kind == "function":
            components = ArnComponents(
                service="lambda",
                resource="function",
                resource_name=name,
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )
        elif kind == "parameter":
            components = ArnComponents(
                service="ssm", resource="parameter", resource_name=name.removeprefix("/")
            )
        else:
            suffix = "" if name.endswith("*") or kind == "new-secret" else _SUFFIX
            components = ArnComponents(
                service="secretsmanager",
                resource="secret",
                resource_name=f"{name}{suffix}",
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )
        return str(Arn.format(components, Stack.of(scope)))


@jsii.implements(IStableStringProducer)
class _Later:
    def __init__(self, find: Callable[[], str]) -> None:
        self._find = find

    def produce(self) -> str:
        return self._find()


def tagged(construct: Construct, app: str, webhook: str | None = None) -> Any:
    """Everything below says in the console and on the bill what it belongs to."""
    Tags.of(construct).add("holdfast:app", app)
    if webhook is not None:
        Tags.of(construct).add("holdfast:webhook", webhook)
    return construct
