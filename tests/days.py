"""A site with a day behind it, which a running product has not seen itself."""

from scripts.stands.product import Product

# Today until a minute ago and the same weekday last week; two hours ago 61 at once, in a zone where that
# was today.
PREPARE = """
import math, random, uuid
from datetime import timedelta
from django.utils import timezone
from tracker.models import PageView, Site, Watermark
site = Site.objects.get(key="{key}")
now = timezone.now()
zone = "Etc/GMT%+d" % (now.hour - 14)
Site.objects.filter(pk=site.pk).update(timezone=zone)
chance = random.Random(1)
views = []
def view(began_at, seconds, visitor):
    ended_at = began_at + timedelta(seconds=seconds)
    views.append(PageView(id=uuid.uuid4(), site=site, began_at=began_at, ended_at=ended_at,
        visit_id=uuid.uuid4(), visitor=uuid.UUID(int=visitor), path="/", edge=1, connection=1))
def day(last, height):
    for ago in range(2, 14 * 60):
        for _ in range(int(height * (1.6 + math.sin(ago / 130) + 0.3 * math.sin(ago / 17)))):
            seconds = min(chance.expovariate(1 / 90), ago * 60 - 70)
            view(last - timedelta(minutes=ago, seconds=chance.random() * 50), seconds, chance.getrandbits(60))
day(now, 6)
day(now - timedelta(days=7) + timedelta(hours=9), 4)
moment = (now - timedelta(hours=2)).replace(second=20, microsecond=0)
for visitor in range(61):
    view(moment, 0.01, visitor)
PageView.objects.bulk_create(views)
# They were not stored by the product itself, which would have them rolled up again.
Watermark.objects.filter(job="concurrency").delete()
"""


def site_with_a_day(product: Product) -> str:
    """The key of a new one."""
    key = product.add_site("seen.example")
    product.manage("shell", "--no-imports", "-c", PREPARE.format(key=key))
    return key
