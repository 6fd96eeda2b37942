from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('analytics', '0002_login_tries'),
    ]

    operations = [
        # When a try was becomes until when it counts: those of the last minutes are forgotten.
        migrations.RenameField('LoginTries', 'at', 'until'),
    ]
