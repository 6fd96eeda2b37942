from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('analytics', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='LoginTries',
            fields=[
                ('digest', models.BinaryField(primary_key=True, serialize=False)),
                ('tries', models.IntegerField()),
                ('at', models.DateTimeField(db_index=True)),
            ],
            options={
                'db_table': 'analytics_login_tries',
            },
        ),
    ]
