//! Short texts to count, written for these tests.

/// Prose by language.
pub(super) const PROSE: [(&str, &str); 30] = [
    (
        "English",
        "Plants make their own food from sunlight, water and air. In the leaves, a green pigment called chlorophyll \
         catches the light. The plant keeps the sugar and gives back the oxygen that we breathe. Without this process, \
         which biologists call photosynthesis, there would hardly be any life on Earth!",
    ),
    (
        "German",
        "Pflanzen stellen ihre Nahrung aus Sonnenlicht, Wasser und Luft selbst her. In den Blättern fängt ein grüner \
         Farbstoff namens Chlorophyll das Licht ein. Den Zucker behält die Pflanze, den Sauerstoff gibt sie an ihre \
         Umgebung ab. Größere Bäume können während eines Sommertages erstaunliche Wassermengen verdunsten.",
    ),
    (
        "French",
        "Les plantes fabriquent leur nourriture à partir de la lumière, de l'eau et de l'air. Dans les feuilles, un \
         pigment vert appelé chlorophylle capte la lumière du soleil. La plante garde le sucre et rejette l'oxygène que \
         nous respirons. Où serions-nous sans les forêts et les océans ?",
    ),
    (
        "Spanish",
        "Las plantas fabrican su propio alimento con la luz del sol, el agua y el aire. En las hojas, un pigmento verde \
         llamado clorofila atrapa la luz. La planta guarda el azúcar y devuelve el oxígeno que respiramos. ¿Qué pasaría \
         si mañana desaparecieran todos los árboles?",
    ),
    (
        "Portuguese",
        "As plantas produzem o seu próprio alimento a partir da luz do sol, da água e do ar. Nas folhas, um pigmento verde \
         chamado clorofila capta a luz. A planta guarda o açúcar e devolve o oxigénio que respiramos. Não haveria vida \
         sem as florestas e os oceanos.",
    ),
    (
        "Italian",
        "Le piante producono il proprio nutrimento con la luce del sole, l'acqua e l'aria. Nelle foglie un pigmento verde \
         chiamato clorofilla cattura la luce. La pianta conserva lo zucchero e restituisce l'ossigeno che respiriamo. \
         Perché le foglie cambiano colore in autunno?",
    ),
    (
        "Polish",
        "Rośliny same wytwarzają pożywienie ze światła słonecznego, wody i powietrza. W liściach zielony barwnik zwany \
         chlorofilem pochłania światło. Cukier roślina zatrzymuje, a tlen oddaje do otoczenia. Bez lasów i mórz nie \
         byłoby życia, jakie znamy.",
    ),
    (
        "Czech",
        "Rostliny si vyrábějí potravu samy ze slunečního světla, vody a vzduchu. V listech zachycuje světlo zelené barvivo \
         zvané chlorofyl. Cukr si rostlina nechává a kyslík, který dýcháme, vrací do ovzduší. Proč se listy na podzim \
         zbarvují žlutě a červeně?",
    ),
    (
        "Russian",
        "Растения сами создают себе пищу из солнечного света, воды и воздуха. В листьях свет улавливает зелёное вещество — \
         хлорофилл. Сахар растение оставляет себе, а кислород, которым мы дышим, отдаёт. Почему осенью листья желтеют \
         и краснеют?",
    ),
    (
        "Ukrainian",
        "Рослини самі створюють собі їжу із сонячного світла, води та повітря. У листі світло вловлює зелена речовина — \
         хлорофіл. Цукор рослина залишає собі, а кисень, яким ми дихаємо, віддає. Чому восени листя жовтіє, ґрунт \
         холоне, а птахи летять на південь?",
    ),
    (
        "Greek",
        "Τα φυτά φτιάχνουν μόνα τους την τροφή τους από το φως του ήλιου, το νερό και τον αέρα. Στα φύλλα, μια πράσινη \
         χρωστική που λέγεται χλωροφύλλη παγιδεύει το φως. Το φυτό κρατά τη ζάχαρη και δίνει πίσω το οξυγόνο που \
         αναπνέουμε.",
    ),
    (
        "Turkish",
        "Bitkiler besinlerini güneş ışığından, sudan ve havadan kendileri üretir. Yapraklarda klorofil denilen yeşil bir \
         madde ışığı yakalar. Bitki şekeri saklar, soluduğumuz oksijeni ise geri verir. Ağaçlar olmasaydı yeryüzünde \
         yaşam nasıl olurdu?",
    ),
    (
        "Arabic",
        "تصنع النباتات غذاءها بنفسها من ضوء الشمس والماء والهواء. في الأوراق مادة خضراء تسمى اليخضور تلتقط الضوء. تحتفظ النبتة \
         بالسكر وتعيد إلى الجو الأكسجين الذي نتنفسه. لماذا تصفر الأوراق في الخريف؟",
    ),
    (
        "Hebrew",
        "צמחים מייצרים את מזונם בעצמם מאור השמש, ממים ומאוויר. בעלים נמצא חומר ירוק בשם כלורופיל שקולט את האור. הצמח שומר את \
         הסוכר ומחזיר לאוויר את החמצן שאנו נושמים. מדוע העלים מצהיבים בסתיו?",
    ),
    (
        "Hindi",
        "पौधे सूरज की रोशनी, पानी और हवा से अपना भोजन स्वयं बनाते हैं। पत्तियों में क्लोरोफिल नाम का हरा पदार्थ प्रकाश को पकड़ता है। पौधा शर्करा अपने पास रखता है और \
         वह ऑक्सीजन लौटाता है जिसमें हम साँस लेते हैं।",
    ),
    (
        "Chinese",
        "植物利用阳光、水和空气制造自己的食物。叶子里有一种叫做叶绿素的绿色物质,能够吸收光线。植物留下糖分,把我们呼吸的氧气释放回空气中。\
         秋天到了,为什么树叶会变黄变红呢?",
    ),
    (
        "Traditional Chinese",
        "植物利用陽光、水和空氣製造自己的養分。葉子裡有一種稱為葉綠素的綠色物質,能夠吸收光線。植物留下醣分,將我們呼吸的氧氣釋放回空氣中。\
         秋天到了,為什麼樹葉會變黃變紅呢?",
    ),
    (
        "Japanese",
        "植物は太陽の光と水と空気から自分で養分をつくります。葉の中にある葉緑素という緑色の物質が光をとらえます。植物は糖をたくわえ、\
         わたしたちが吸う酸素を空気中に返します。秋になるとなぜ葉の色が変わるのでしょうか。",
    ),
    (
        "Korean",
        "식물은 햇빛과 물과 공기로 스스로 양분을 만듭니다. 잎 속에 있는 엽록소라는 초록색 물질이 빛을 받아들입니다. 식물은 당분을 저장하고 우리가 \
         숨 쉬는 산소를 공기 중으로 돌려보냅니다. 가을이 되면 왜 나뭇잎의 색이 변할까요?",
    ),
    (
        "Thai",
        "พืชสร้างอาหารเองจากแสงแดด น้ำ และอากาศ ในใบมีสารสีเขียวที่เรียกว่าคลอโรฟิลล์ซึ่งคอยจับแสง พืชเก็บน้ำตาลไว้และคืนออกซิเจนที่เราหายใจกลับสู่อากาศ \
         ทำไมใบไม้จึงเปลี่ยนสีในฤดูใบไม้ร่วง",
    ),
    (
        "Finnish",
        "Kasvit valmistavat ravintonsa itse auringonvalosta, vedestä ja ilmasta. Lehdissä oleva vihreä väriaine, \
         lehtivihreä, sitoo valoa. Sokerin kasvi pitää itsellään, ja hengittämämme hapen se luovuttaa takaisin ilmaan. \
         Miksi lehdet kellastuvat syksyisin?",
    ),
    (
        "Vietnamese",
        "Cây cối tự tạo ra thức ăn từ ánh sáng mặt trời, nước và không khí. Trong lá có một chất màu xanh gọi là diệp lục \
         hấp thụ ánh sáng. Cây giữ lại đường và trả lại khí ô-xy mà chúng ta hít thở. Vì sao lá đổi màu vào mùa thu?",
    ),
    (
        "Dutch",
        "Planten maken hun eigen voedsel uit zonlicht, water en lucht. In de bladeren vangt een groene kleurstof, die \
         bladgroen heet, het licht op. De plant houdt de suiker en geeft de zuurstof terug die wij inademen. Waarom \
         verkleuren de bladeren in de herfst?",
    ),
    (
        "Swedish",
        "Växter tillverkar sin egen näring av solljus, vatten och luft. I bladen fångar ett grönt ämne som kallas klorofyll \
         upp ljuset. Växten behåller sockret och ger tillbaka syret som vi andas. Varför gulnar löven om hösten?",
    ),
    (
        "Hungarian",
        "A növények a napfényből, a vízből és a levegőből maguk állítják elő a táplálékukat. A levelekben egy zöld \
         festékanyag, a klorofill köti meg a fényt. A cukrot a növény megtartja, az oxigént pedig visszaadja a levegőnek.",
    ),
    (
        "Romanian",
        "Plantele își produc singure hrana din lumina soarelui, apă și aer. În frunze, un pigment verde numit clorofilă \
         captează lumina. Planta păstrează zahărul și eliberează oxigenul pe care îl respirăm. De ce se îngălbenesc \
         frunzele toamna?",
    ),
    (
        "Indonesian",
        "Tumbuhan membuat makanannya sendiri dari cahaya matahari, air, dan udara. Di dalam daun, zat hijau yang disebut \
         klorofil menangkap cahaya. Tumbuhan menyimpan gula dan mengembalikan oksigen yang kita hirup. Mengapa daun \
         berubah warna?",
    ),
    (
        "Basque",
        "Landareek eguzkiaren argiarekin, urarekin eta airearekin egiten dute beren janaria. Hostoetan klorofila izeneko \
         gai berde batek harrapatzen du argia. Landareak azukrea gordetzen du eta arnasten dugun oxigenoa itzultzen du.",
    ),
    (
        "Bengali",
        "গাছপালা সূর্যের আলো, জল আর বাতাস থেকে নিজের খাবার নিজেই তৈরি করে। পাতার ভেতরে ক্লোরোফিল নামে একটি সবুজ পদার্থ আলো ধরে রাখে। গাছ চিনি জমিয়ে \
         রাখে এবং আমরা যে অক্সিজেন নিই তা ফিরিয়ে দেয়।",
    ),
    (
        "Georgian",
        "მცენარეები საკვებს თავად ქმნიან მზის სინათლის, წყლისა და ჰაერისგან. ფოთლებში მწვანე ნივთიერება, რომელსაც ქლოროფილი \
         ჰქვია, სინათლეს იჭერს. შაქარს მცენარე ინახავს, ჟანგბადს კი ჰაერს უბრუნებს.",
    ),
];

/// What is not prose.
pub(super) const OTHER: [(&str, &str); 6] = [
    (
        "code",
        "fn mean(values: &[f64]) -> Option<f64> {\n    if values.is_empty() {\n        return None;\n    }\n    \
         let sum: f64 = values.iter().sum();\n    Some(sum / values.len() as f64) // never 0/0\n}\n",
    ),
    (
        "JSON",
        r#"{"cards":[{"front":"der Hund","back":"the dog","difficulty":2,"tags":["animals","A1"],"example":null}],"total":1}"#,
    ),
    ("digits", "In 1969 it took 75 h 56 min; the 384400 km cost 25.4 billion, or 2.8e10, and 3.14159265358979 is pi."),
    ("emoji", "Well done 🎉🎉 — keep going 💪🏽! Family 👨‍👩‍👧‍👦, flag 🇫🇷, heart ❤️, and one more ⭐."),
    ("capitals", "THE MITOCHONDRION IS THE POWERHOUSE OF THE CELL. READ CHAPTER TWELVE BEFORE THE EXAMINATION."),
    (
        "table",
        "der\tdie\tdas\n|  Kasus  | Maskulin |\n|---------|----------|\n| Dativ   | dem      |\n\n\n- [ ] üben\r\n",
    ),
];
